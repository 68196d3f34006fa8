/**
 * Tells the process that has started this one, in the order of the calls.
 *
 * @throws where nobody listens
 */
export function tell(report: { readonly kind: string }): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) throw new Error('this program is started by another one of Portolan')
    process.send(report, undefined, undefined, () => resolve())
  })
}

/** Says each second that the event loop turns; the function that it gives ends that. */
export function keepTelling(): () => void {
  const alive = setInterval(() => void tell({ kind: 'alive' }), 1000)
  return () => clearInterval(alive)
}
