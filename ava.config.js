/** The file that takes longest comes first, for two run at a time: as the last one it would run alone. */
const longest = '/dataplanes/ipvs/test/conformance.test.ts'

export default {
  extensions: ['ts'],
  files: ['**/*.test.ts', '!node_modules'],
  require: ['./test/worker.ts'],
  sortTestFiles: (one, other) =>
    Number(other.endsWith(longest)) - Number(one.endsWith(longest)) || one.localeCompare(other, 'en'),
  timeout: '60s',
  workerThreads: false,
}
