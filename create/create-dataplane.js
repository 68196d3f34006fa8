#!/usr/bin/env node
// Plain JavaScript that old versions of Node understand, so that they can be told what is wrong.
var major = Number(process.versions.node.split('.')[0])

if (major < 24) {
  console.error(
    'create-dataplane: needs Node.js 24 or newer, and this is ' +
      process.versions.node +
      '. A dataplane runs in the same Node.js: install a newer one.',
  )
  process.exitCode = 1
} else {
  import('./program.ts').then((program) => program.main(process.argv.slice(2)))
}
