/**
 * The whole of Portolan at work, in under a minute: a virtual node with pods, a remote node and an outside client, an
 * embedded API server, `portolan run` against it as in a cluster, real connections, and changes through the API.
 *
 * `--keep` leaves it up until Ctrl-C, with commands to try. Nothing is left behind.
 */

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ApiServer } from '@portolan/api-server'
import { createLab, type Lab, network, podAddress, remotePodAddress } from '@portolan/lab'
import { enterNetworkNamespace } from '@portolan/native'
import { showChanges } from './changes.ts'
import { showConnections } from './connections.ts'
import { ownFolder } from './folder.ts'
import { ProxyProcess } from './proxy-process.ts'
import { destinations, sampleObjects, targetPort, thisNode } from './sample-cluster.ts'
import { heading, note, timed } from './screen.ts'

const { values: flags } = parseArgs({
  options: {
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (flags.help) {
  console.log('npm start              show Portolan at work in network namespaces, then clean up')
  console.log('npm start -- --keep    leave it up until Ctrl-C, with commands to try')
} else if (process.getuid?.() !== 0) {
  console.error('npm start makes network namespaces, which needs root: run it with sudo.')
  process.exitCode = 1
} else {
  await demo()
}

async function demo(): Promise<void> {
  // An exit, rather than death by the signal, so that everything that was made is taken down.
  const interrupted = () => process.exit(130)
  process.once('SIGINT', interrupted)
  process.once('SIGTERM', interrupted)
  const kubeconfig = join(ownFolder(), 'kubeconfig')

  heading('A node, in network namespaces')
  await using lab = await timed('two pods, a remote node, a client outside', makeLab)
  // From here on this process and its children live on the virtual node, as the real ones would.
  enterNetworkNamespace(lab.node.networkNamespace)

  await using server = new ApiServer({ tokens: ['demo'] })
  await timed('an API server: two Nodes, four Services, over https', async () => {
    await server.start()
    server.load(sampleObjects())
    await server.writeKubeconfig(kubeconfig, { token: 'demo' })
  })

  heading('Portolan')
  const args = [
    'run',
    '--kubeconfig',
    kubeconfig,
    '--node',
    thisNode,
    '--cluster-cidr',
    network.IPv4.clusterCidr,
  ]
  const proxy = new ProxyProcess(args)
  process.once('exit', () => proxy.kill())
  note(`$ ${proxy.command}`)
  try {
    await timed('process start to rules in the kernel', () => proxy.line('node in sync', 20_000))
    heading('Connections')
    const wrong = await showConnections(lab)
    heading('Changes through the API')
    await showChanges(lab, server)
    if (flags.keep) {
      process.off('SIGINT', interrupted)
      process.off('SIGTERM', interrupted)
      await keep(lab, kubeconfig)
    }
    if (wrong > 0) throw new Error(`${wrong} connections did not end as they must`)
  } finally {
    await proxy.stop()
  }
  heading('Done')
  note('Everything is removed again. Next: npm start -- --keep, npx portolan --help, README.md')
}

async function makeLab(): Promise<Lab> {
  const lab = await createLab()
  await Promise.all([
    ...lab.pods.map((pod, index) => pod.serve('TCP', podAddress('IPv4', index), targetPort)),
    ...[0, 1].map((index) => lab.remote.serve('TCP', remotePodAddress('IPv4', index), targetPort)),
  ])
  return lab
}

async function keep(lab: Lab, kubeconfig: string): Promise<void> {
  const { web, checkout } = destinations
  const onNode = `nsenter --net=${lab.node.networkNamespace}`
  const inPod = `nsenter --net=${lab.pods[0]?.networkNamespace}`
  const settings = `--kubeconfig ${kubeconfig} --node ${thisNode} --cluster-cidr ${network.IPv4.clusterCidr}`
  heading('It stays up until Ctrl-C. In another terminal, try')
  note(`${onNode} npx portolan explain ${settings} --from outside --to ${checkout.address}:${checkout.port}`)
  note(`${onNode} npx portolan plan ${settings} --from kernel`)
  note(`${onNode} nft list table ip portolan`)
  note(`${inPod} bash -c 'exec 3<>/dev/tcp/${web.address}/${web.port}; head -n 1 <&3'    # a pod asks web`)
  note(`${onNode} nft flush chain ip portolan services    # break it; it is repaired`)
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
}
