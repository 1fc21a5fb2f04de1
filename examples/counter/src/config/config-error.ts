/** The configuration is wrong: a line for each setting, which names its place. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'

  constructor(lines: readonly string[], options?: ErrorOptions) {
    super(lines.join('\n'), options)
  }
}
