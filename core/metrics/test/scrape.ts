import type { Registry } from 'prom-client'

/** For tests: what a registry shows, by the series as it is written: `name{label="value"}`. */
export async function scrape(registry: Registry): Promise<ReadonlyMap<string, number>> {
  return seriesOf(await registry.metrics())
}

export function seriesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ')
      return [line.slice(0, space), Number(line.slice(space + 1))]
    }),
  )
}
