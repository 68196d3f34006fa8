/**
 * Files that take minutes come first, the longest of all at the head: as the last one it would run alone. Those on the
 * other kernel keep a processor busy, and the others mostly wait; so they come in turns. `npm test` closes with what each
 * took. Two files at a time on two cores, as ava has it: with three those on the other kernel took up to twice the time,
 * and one of them said that its machine is too busy.
 */
const longest = [
  'dataplanes/ipvs/test/conformance',
  'dataplanes/iptables/test/other-kernel',
  'dataplanes/iptables/test/conformance-legacy',
  'dataplanes/iptables/test/conformance-nft',
  'dataplanes/ipvs/test/kernel',
  'dataplanes/nftables/test/mutants',
  'examples/userspace-proxy/test/conformance',
  'dataplanes/ebpf/test/other-kernel',
  'test/reliability/test/ipvs-switch',
  'dataplanes/nftables/test/other-kernel',
  'test/reliability/test/reliability',
  'release/image/test/image',
  'release/pack/test/packages',
  'release/pack/test/new-dataplane',
  'bench/run/test/run-bench',
  'dataplanes/ebpf/test/packet-mutants',
].map((file) => `/${file}.test.ts`)

/** Counted from the end of the list; -1 for all others. */
function weight(path) {
  const place = longest.findIndex((end) => path.endsWith(end))
  return place < 0 ? -1 : longest.length - place
}

export default {
  extensions: ['ts'],
  files: ['**/*.test.ts', '!node_modules'],
  require: ['./test/worker.ts'],
  sortTestFiles: (one, other) => weight(other) - weight(one) || one.localeCompare(other, 'en'),
  // Of silence in all files together. It ends the run; test/run.ts looks after files that hang.
  timeout: '10m',
  workerThreads: false,
}
