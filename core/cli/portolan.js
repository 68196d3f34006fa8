#!/usr/bin/env -S node --max-semi-space-size=4
// Plain JavaScript that old versions of Node understand, so that they can be told what is wrong.
// The flag above keeps the garbage of a cold start small: 200 MiB instead of 320 at 10,000 Services of 10 endpoints, for
// no more CPU (portolan bench --scenario cold-start).
var major = Number(process.versions.node.split('.')[0])

if (major < 24) {
  console.error(
    'portolan: needs Node.js 24 or newer, and this is ' +
      process.versions.node +
      '. In a checkout run `npx portolan`, which brings its own; elsewhere install a newer Node.js.',
  )
  process.exitCode = 1
} else {
  import('node:module')
    .then((module) => {
      // Compiled code from the run before halves the start. Not in the shared temporary folder, where others may write.
      var isInstalled = import.meta.url.includes('/node_modules/')
      var cache = isInstalled ? '../../../.cache/portolan' : '../../node_modules/.cache/portolan'
      module.enableCompileCache(new URL(cache, import.meta.url).pathname)
      return import('./program.ts')
    })
    .then((program) => program.main(process.argv.slice(2)))
}
