/** Calls the listener for each signal that asks a process to end, until what it returns is called. */
export function onStopSignals(listener: (signal: NodeJS.Signals) => void): () => void {
  process.on('SIGTERM', listener)
  process.on('SIGINT', listener)
  return () => {
    process.off('SIGTERM', listener)
    process.off('SIGINT', listener)
  }
}
