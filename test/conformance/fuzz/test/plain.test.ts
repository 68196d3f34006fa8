import test from 'ava'
import type { PlainTrial } from '../index.ts'

test('a printed trial is checked by the compiler, and its addresses are plain text', (t) => {
  const trial: PlainTrial = {
    phase: 'packets',
    sequence: {
      node: { families: ['IPv4'], detector: 'cidr', masqueradeAll: true, nodePortAddresses: 'primary' },
      steps: [
        {
          do: 'set',
          record: {
            kind: 'Node',
            key: 'node-a',
            zone: '',
            addresses: ['172.20.0.2'],
            podCidrs: ['10.1.0.0/24'],
          },
        },
        {
          do: 'sync',
          families: ['IPv4'],
          fault: { after: 0, calls: Number.POSITIVE_INFINITY, how: 'refused' },
        },
      ],
    },
    questions: [
      { family: 'IPv4', from: 'pod', address: '10.96.0.1', protocol: 'TCP', port: 80, due: 'refused' },
    ],
  }
  // @ts-expect-error there is no such phase
  const wrong: PlainTrial = { phase: 'speed' }
  t.not(trial.phase, wrong.phase)
})
