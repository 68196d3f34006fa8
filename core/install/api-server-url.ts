import { isIPv6 } from 'node:net'

const standardPort = '6443'

/** What is wrong with an address of the API server, and what would be right. */
export interface UnusableServer {
  readonly fix: string
}

/** `10.0.0.1`, `10.0.0.1:6443`, `[2001:db8::1]:6443`, `https://api.example.net` as a URL with a port, or what is wrong. */
export function apiServerUrl(text: string): URL | UnusableServer {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
  const written = isUrl ? text : `https://${isIPv6(text) ? `[${text}]` : text}`
  if (text === '' || !URL.canParse(written)) return { fix: example }
  const url = new URL(written)
  if (url.protocol !== 'https:') return { fix: `the API server speaks https: ${example}` }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return { fix: `only a host and a port: ${example}` }
  if (isServiceName(url.hostname))
    return {
      fix: 'that is a name of a Service, which only answers once a proxy has programmed it: name the control plane itself',
    }
  if (url.hostname === '0.0.0.0' || url.hostname === '[::]') return { fix: `that is no address: ${example}` }
  // A URL forgets the port 443, so that its text has to be asked.
  if (url.port === '' && !isUrl && !text.endsWith(':443')) url.port = standardPort
  return url
}

const example = "write the control plane's address, such as https://192.0.2.10:6443"

function isServiceName(host: string): boolean {
  return host === 'kubernetes' || host === 'kubernetes.default' || /\.svc(\.|$)/.test(host)
}

/** ClusterIPs of the Service `kubernetes` in clusters that kubeadm, kind and k3s make with their defaults. */
const usualClusterIps: ReadonlySet<string> = new Set(['10.96.0.1', '10.43.0.1'])

/** What to doubt of an address that may be right. */
export function apiServerDoubt({ hostname }: URL): string | undefined {
  if (usualClusterIps.has(hostname))
    return `${hostname} is usually the ClusterIP of the Service kubernetes, which only answers once a proxy has programmed it: give an address of the control plane itself`
  if (/^(127\.|localhost$|\[::1\])/.test(hostname))
    return `${hostname} is each node itself: right only where every node has a load balancer of the control plane there`
  return undefined
}
