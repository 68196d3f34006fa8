import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram } from '@portolan/real-api-server'
import test from 'ava'
import { SwitchedNode } from '../dataplane-switch.ts'
import { KubeProxyProcess, kubeProxyRulesText } from '../kube-proxy-process.ts'
import { createScene, type DataplaneName } from '../scene.ts'
import { type LoadReport, SteadyLoad } from '../steady-load.ts'

// The real kube-proxy, where it could be built (setup.sh test).

const small = { everyMs: 50, held: 2 }
const built = findProgram('kube-proxy')
const program = 'program' in built ? built.program : undefined
const inOrder = program === undefined ? test.skip : test.serial

function lostOf({ lost, broken, unanswered, repeated, examples }: LoadReport): readonly unknown[] {
  return lost + broken + unanswered + repeated === 0
    ? []
    : [{ lost, broken, unanswered, repeated }, ...examples]
}

for (const [mode, dataplane] of [
  ['nftables', 'nftables'],
  ['iptables', 'nftables'],
  ['nftables', 'iptables'],
  ['iptables', 'iptables'],
] as const satisfies readonly (readonly ['nftables' | 'iptables', DataplaneName])[])
  inOrder(
    `${dataplane} hands back to kube-proxy's ${mode} and takes over from it, and nothing is lost`,
    async (t) => {
      t.timeout(1_100_000)
      await using scene = await createScene({ dataplane, server: 'embedded', services: 20, slowness: 1 })
      await using node = new SwitchedNode(scene)
      const { networkNamespace } = scene.lab.node
      const [, kubeconfig = ''] = scene.flagsOf(dataplane)
      const where = { networkNamespace, kubeconfig }

      const back = await SteadyLoad.start(scene.lab, small)
      await using kubeProxy = await KubeProxyProcess.start(program ?? '', mode, where)
      await node.proxy.stop()
      const { code, stderr } = await node.proxy.command('cleanup')
      t.is(code, 0, stderr)
      await sleep(1000)
      t.deepEqual(lostOf(await back.stop()), [])

      const over = await SteadyLoad.start(scene.lab, small)
      node.proxy.start({ flags: ['--take-over'] })
      await node.proxy.told('predecessor-at-work')
      t.true((await kubeProxyRulesText(networkNamespace)).length > 0)
      await kubeProxy.stop()
      await node.proxy.told('predecessor-removed')
      await sleep(1000)
      t.is(await kubeProxyRulesText(networkNamespace), '')
      t.is(await node.proxy.difference(), '')
      t.deepEqual(lostOf(await over.stop()), [])
      t.deepEqual(await scene.changes.wrong(), [])
    },
  )
