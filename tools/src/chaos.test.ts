import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const chaos = (...args: string[]) =>
  promisify(execFile)(process.execPath, [fileURLToPath(new URL('../chaos.js', import.meta.url)), ...args])

it('says how to run the same again, and hands the rest on to vitest', async () => {
  const { stdout, stderr } = await chaos('--help', '--rounds', '3', '--seed=7')
  expect(stderr).toContain('npm run test:chaos -- --rounds 3 --seed 7\n')
  expect(stdout).toMatch(/^vitest\/\d/)
  const { stderr: another } = await chaos('--help')
  expect(another).toMatch(/--rounds 10 --seed \d+\n$/)
})

it.each([['--rounds', '0'], ['--rounds', '1.5'], ['--seed', 'x'], ['--seed', '-1'], ['--seed', ''], ['--rounds']])(
  'refuses %s %s',
  async (...args) => {
    await expect(chaos(...args)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('a whole number') })
  },
)
