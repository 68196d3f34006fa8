/** A media type. */
export const protobufType = 'application/vnd.kubernetes.protobuf'

const jsonTypes: ReadonlySet<string> = new Set(['application/json', 'application/*', '*/*'])

/**
 * The first form of a list of media types that is read here, which is the one that kube-apiserver would answer in;
 * `undefined`: it names none.
 */
export function firstForm(mediaTypes: string): 'protobuf' | 'json' | undefined {
  for (const written of mediaTypes.split(',')) {
    const type = written.split(';', 1)[0]?.trim().toLowerCase() ?? ''
    if (type === protobufType) return 'protobuf'
    if (jsonTypes.has(type)) return 'json'
  }
  return undefined
}
