import test from 'ava'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { parseConfigDocument } from '../config-document.ts'
import { ConfigError } from '../config-error.ts'
import { kubeProxyFields } from '../kube-proxy-fields.ts'
import { resolveConfig } from '../resolve-config.ts'
import { kubeadmConfig } from './kubeadm-config.ts'

const resolve = (text: string) =>
  resolveConfig({}, { inCluster: true }, parseConfigDocument(text, 'config.conf'))

/** Either a configuration, or an error that names each problem in a line. */
function isTold(text: string): boolean {
  try {
    resolve(text)
    return true
  } catch (error) {
    return error instanceof ConfigError && error.problems.length > 0 && !/\p{Cc}(?<!\n)/u.test(error.message)
  }
}

const lines = kubeadmConfig.split('\n')

/** kubeadm's file with lines damaged, doubled or lost. */
const damaged = fc
  .array(
    fc.record({
      line: fc.nat(lines.length - 1),
      by: fc.oneof(
        fc.string({ unit: 'binary', maxLength: 12 }),
        fc.constantFrom('', ' {', '- [', ': *a', '&a ', '!!x ', '  ', '\t'),
      ),
      how: fc.constantFrom('replace', 'append', 'prepend', 'double'),
    }),
    { maxLength: 6 },
  )
  .map((changes) => {
    const changed = [...lines]
    for (const { line, by, how } of changes) {
      const before = changed[line] ?? ''
      changed[line] =
        how === 'replace'
          ? by
          : how === 'append'
            ? before + by
            : how === 'prepend'
              ? by + before
              : `${before}\n${before}`
    }
    return changed.join('\n')
  })

test('a damaged file is read, or refused by an error that says what is wrong', (t) => {
  fc.assert(fc.property(damaged, isTold), { numRuns: 300 })
  t.pass()
})

const paths = Object.keys(kubeProxyFields)
const anything = fc.anything({
  maxDepth: 2,
  values: [fc.string(), fc.integer(), fc.boolean(), fc.constant(null)],
})

test('any value at any field is read, or refused by an error that says what is wrong', (t) => {
  const file = fc.record({ path: fc.constantFrom(...paths), value: anything }).map(({ path, value }) =>
    stringify({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      ...(path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object),
    }),
  )
  fc.assert(fc.property(file, isTold), { numRuns: 300 })
  t.pass()
})
