/** The key under which the leases of a group stand. */
export function leasesKey(group: string): string {
  return `leases.${encoded(group)}`
}

/** The key of a member, which is there for as long as it lives. */
export function memberKey(group: string, member: string): string {
  return `${membersOf(group)}.${encoded(member)}`
}

/** The keys of all members of a group. */
export function allMembers(group: string): string {
  return `${membersOf(group)}.*`
}

/** The member whose key that is. */
export function memberAt(key: string): string {
  return decodeURIComponent(key.slice(key.lastIndexOf('.') + 1).replaceAll('=', '%'))
}

function membersOf(group: string): string {
  return `members.${encoded(group)}`
}

/** A name as a part of a key. Names of `A-Z a-z 0-9 _ -` stay as they are. */
function encoded(name: string): string {
  return Array.from(Buffer.from(name), (byte) => {
    const char = String.fromCharCode(byte)
    return /[\w-]/.test(char) ? char : `=${byte.toString(16).padStart(2, '0')}`
  }).join('')
}
