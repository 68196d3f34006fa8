import assert from 'node:assert/strict'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { damagedText } from '../../../../../test/fuzz/damaged.ts'
import { CredentialConfigError } from '../credentials.ts'
import { parseKubeconfig } from '../kubeconfig-file.ts'

const secret = 'hush-hush'
const kubeconfig = (user: object) =>
  stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'home',
    contexts: [{ name: 'home', context: { cluster: 'here', user: 'me' } }],
    clusters: [
      { name: 'here', cluster: { server: 'https://10.0.0.1:6443', 'certificate-authority': 'ca.crt' } },
    ],
    users: [{ name: 'me', user }],
  })

const right = [
  kubeconfig({ token: secret }),
  kubeconfig({ username: 'me', password: secret }),
  kubeconfig({ tokenFile: 'token', as: 'another' }),
  kubeconfig({
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'get-token', args: [secret] },
  }),
]

/** Nothing that is secret comes into an error, and so into the log. */
export const kubeconfigs = fc.asyncProperty(damagedText(...right), async (text) => {
  try {
    await parseKubeconfig('/etc/kubernetes/config', text)
  } catch (error) {
    assert.ok(error instanceof CredentialConfigError, String(error))
    assert.ok(!error.message.includes(secret), error.message)
    assert.doesNotMatch(error.message, /\p{Cc}/u)
  }
})
