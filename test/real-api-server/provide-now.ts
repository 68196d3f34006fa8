/**
 * Gets the programs of the tests against a real API server, ahead of them. Where one can't be had, it says why and so do
 * the tests, which are skipped; one that could not be compiled fails a test.
 */
import { cachedEtcd, fetchEtcd } from './debian-etcd.ts'
import { provideProgram } from './provide.ts'

/** Cold, with two processors for it alone, it takes a sixth of that. */
const limitMinutes = 30

const note = (line: string) => console.log(`setup: ${line}`)

const built = await provideProgram('kube-apiserver', { note, limitMinutes })
if ('unavailable' in built) console.error(`setup: no real API server for the tests: ${built.unavailable}`)
if ('failed' in built) console.error(`setup: kube-apiserver could not be compiled:\n${built.failed}`)

// Most of it is compiled by then.
const kubeProxy = await provideProgram('kube-proxy', { note, limitMinutes })
if ('unavailable' in kubeProxy) console.error(`setup: no kube-proxy for the tests: ${kubeProxy.unavailable}`)
if ('failed' in kubeProxy) console.error(`setup: kube-proxy could not be compiled:\n${kubeProxy.failed}`)

if ('program' in built && cachedEtcd() === undefined) {
  note("unpacking Debian's etcd into the cache folder, without installing it")
  try {
    await fetchEtcd()
  } catch (error) {
    const [why] = (error instanceof Error ? error.message : String(error)).split('\n')
    console.error(`setup: no etcd of Debian for the tests: ${why}`)
  }
}
