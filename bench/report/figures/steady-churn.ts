import { churnLag, fallingBehind } from '../churn.ts'
import type { LinePanel } from '../line-panel.ts'
import { describeSize } from '../quantity.ts'
import type { Quantile } from '../selection.ts'
import { type Context, drawPair, type Figure, figure, toLines } from './figure.ts'

export function churn(context: Context): Figure | undefined {
  const { selection, styles } = context
  const found = churnLag(selection)
  if (found === undefined) return undefined
  const panelOf = (quantile: Quantile): LinePanel => ({
    title: `Lag, ${quantile}`,
    across: 'changes per second',
    unit: 'ms',
    lines: toLines(found.curves(quantile), styles),
  })
  const behind = fallingBehind(selection, found)
  return figure('churn', 'Steady churn', found.scenarios, drawPair([panelOf('p50'), panelOf('p99')]), [
    `From the write at the API server to the commit while changes go on, at ${describeSize(found.size.services, found.size.endpointsPerService)}`,
    'A dataplane that keeps up has a lag that does not depend on how long the churn lasts.',
    behind.length === 0
      ? 'All kept up: the lag did not grow during the run.'
      : `Did not keep up, the lag grew during the run: ${behind.join(', ')}.`,
  ])
}
