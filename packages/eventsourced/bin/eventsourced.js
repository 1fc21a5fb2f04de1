#!/usr/bin/env node
// Not built, so that it is there when npm links the programs of a workspace, which it does before anything is built.
await import('../dist/cli/bin.js')
