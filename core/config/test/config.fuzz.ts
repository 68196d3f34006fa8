import assert from 'node:assert/strict'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { damagedText } from '../../../test/fuzz/damaged.ts'
import { parseConfigDocument } from '../config-document.ts'
import { ConfigError } from '../config-error.ts'
import { camelCase, commandFlags, type Flags, kubeProxyFlags, portolanFlags } from '../config-flags.ts'
import { kubeProxyFields } from '../kube-proxy-fields.ts'
import { resolveConfig } from '../resolve-config.ts'
import { kubeadmConfig } from './kubeadm-config.ts'

/** Either a configuration comes of it, or an error that names each problem in a line. */
function isTold(text: string | undefined, flags: Flags): void {
  try {
    const document = text === undefined ? undefined : parseConfigDocument(text, 'config.conf')
    resolveConfig(flags, { inCluster: true }, document)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    assert.ok(error.problems.length > 0)
    assert.doesNotMatch(error.message, /\p{Cc}(?<!\n)/u)
  }
}

const lines = kubeadmConfig.split('\n')

/** kubeadm's file with lines damaged, doubled or lost. */
const damagedLines = fc
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

export const files = fc.property(fc.oneof(damagedLines, damagedText(kubeadmConfig)), (text) =>
  isTold(text, {}),
)

const paths = Object.keys(kubeProxyFields)
const anything = fc.anything({
  maxDepth: 2,
  values: [fc.string(), fc.integer(), fc.boolean(), fc.constant(null)],
})

const anyField = fc.record({ path: fc.constantFrom(...paths), value: anything }).map(({ path, value }) =>
  stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    ...(path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object),
  }),
)

/** Any value at any field. */
export const fields = fc.property(anyField, (text) => isTold(text, {}))

const names = Object.keys({ ...kubeProxyFlags, ...portolanFlags, ...commandFlags }).map(camelCase)
const flagText = fc.oneof(
  fc.constantFrom<(string | boolean)[]>(
    '10.0.0.0/8',
    '1s',
    '0',
    '-1',
    'true',
    'A=1,B=2',
    true,
    '[::]:80',
    '9e99',
  ),
  damagedText('10.244.0.0/16,fd00::/48', '127.0.0.1:10249', 'IPv6DualStack=true', '1h30m0s', 'recording:x'),
)

/** Any text at any flag, beside a file or without one. */
export const flags = fc.property(
  fc.dictionary(fc.constantFrom(...names), flagText, { maxKeys: 4 }),
  fc.constantFrom(undefined, kubeadmConfig),
  ({ dataplaneOption, ...given }, file) =>
    isTold(file, {
      ...given,
      ...(dataplaneOption === undefined ? {} : { dataplaneOption: [String(dataplaneOption)] }),
    }),
)
