import type { CredentialSource } from './credentials.ts'

/**
 * The same credentials for the API server at another address: who we are and whom we trust stays (kube-proxy's --master).
 *
 * @param server a URL
 */
export function atServer(credentials: CredentialSource, server: string): CredentialSource {
  const url = new URL(server)
  return {
    description: `${url.origin} in place of ${credentials.description}`,
    read: async (why) => ({ ...(await credentials.read(why)), server: url }),
  }
}
