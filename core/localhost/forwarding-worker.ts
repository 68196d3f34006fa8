/** The thread that forwards, so that neither waits for the other: what is relayed, and the loop that keeps the rules. */
import { parentPort } from 'node:worker_threads'
import { serveForwarding } from './serve-forwarding.ts'

if (parentPort !== null) serveForwarding(parentPort)
