/**
 * For the tests, as a program of its own: reads the credentials of the kubeconfig that its argument names, and prints
 * the names of the npm packages that were loaded for it, as JSON.
 */
import { registerHooks } from 'node:module'

const loaded = new Set<string>()
registerHooks({
  load(url, context, next) {
    const [, name] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? []
    if (name !== undefined) loaded.add(name)
    return next(url, context)
  },
})

const { kubeconfigCredentials } = await import('../kubeconfig.ts')
const source = await kubeconfigCredentials(process.argv[2] ?? '')
await source.read('routine')
await source.read('refused')
process.stdout.write(JSON.stringify([...loaded]))
