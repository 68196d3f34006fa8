#!/usr/bin/env node
// Plain JavaScript that old versions of Node understand, so that they can be told what is wrong.
var major = Number(process.versions.node.split('.')[0])

if (major < 24) {
  console.error(
    'portolan: needs Node.js 24 or newer, and this is ' +
      process.versions.node +
      '. In a checkout run `npx portolan`, which brings its own; elsewhere install a newer Node.js.',
  )
  process.exitCode = 1
} else {
  import('./portolan.ts').then((program) => program.main(process.argv.slice(2)))
}
