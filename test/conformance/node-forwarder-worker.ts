/** The core's thread for NodePorts at loopback, in the network namespace of the lab's node. */
import { parentPort, workerData } from 'node:worker_threads'
import { serveForwarding } from '@portolan/core/localhost'
import { enterNetworkNamespace } from '@portolan/native'

enterNetworkNamespace((workerData as { readonly networkNamespace: string }).networkNamespace)
if (parentPort !== null) serveForwarding(parentPort)
