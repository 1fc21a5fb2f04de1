/** Opens logs or stores of one kind, the first one at once, and closes them all. */
export async function reopening<One extends { close(): Promise<void> }>(open: () => Promise<One>) {
  const opened: One[] = []
  const reopen = async (): Promise<One> => {
    const one = await open()
    opened.push(one)
    return one
  }
  return {
    first: await reopen(),
    reopen,
    close: async (): Promise<void> => {
      for (const one of opened) await one.close()
    },
  }
}
