import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * This machine's own source of Debian packages, but of another suite: the mirror, the keys and the options are those
 * the machine trusts.
 *
 * @param etc the folder `/etc`
 * @param suite the suite wanted
 * @returns the content of an APT source file and a name with the right ending, or undefined if this is no Debian
 */
export function debianSource(etc: string, suite: string): { file: string; content: string } | undefined {
  const release = read(join(etc, 'os-release'))
  if (!/^ID="?debian"?$/m.test(release)) return undefined
  const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1]
  const own = new Set([codename, 'stable', 'oldstable', 'testing', 'unstable', 'sid'])
  const folder = join(etc, 'apt', 'sources.list.d')
  const files = (existsSync(folder) ? readdirSync(folder).sort() : []).map((name) => join(folder, name))

  for (const file of files.filter((name) => name.endsWith('.sources'))) {
    for (const stanza of read(file).split(/\n[ \t]*\n/)) {
      const suites = /^Suites:[ \t]*(.+)$/im.exec(stanza)?.[1]?.split(/\s+/) ?? []
      if (!suites.some((name) => own.has(name)) || /^Enabled:\s*no/im.test(stanza)) continue
      return { file: 'nats.sources', content: `${stanza.trim().replace(/^Suites:.*$/im, `Suites: ${suite}`)}\n` }
    }
  }
  for (const file of [join(etc, 'apt', 'sources.list'), ...files.filter((name) => name.endsWith('.list'))]) {
    for (const line of read(file).split('\n')) {
      const match = /^(deb\s+(?:\[[^\]]*\]\s+)?\S+\s+)(\S+)(\s+.*)$/.exec(line.trim())
      if (!match || !own.has(match[2])) continue
      return { file: 'nats.list', content: `${match[1]}${suite}${match[3]}\n` }
    }
  }
  return undefined
}

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
