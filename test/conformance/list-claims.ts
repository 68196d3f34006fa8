import type { ScenarioClaim } from './scenario.ts'
import { scenarios } from './scenarios.ts'

/** A claim of the kit, and what is known of it before it is asked. */
export interface ListedClaim extends Pick<ScenarioClaim, 'feature' | 'also' | 'oneOf' | 'name' | 'needs'> {
  /** By which it is proved, together with others. */
  readonly scenario: string
  /** Its scenario takes long. */
  readonly long: boolean
}

/** All claims of the kit, in the order in which they are asked. */
export function listClaims(): readonly ListedClaim[] {
  return scenarios.flatMap(({ name: scenario, long = false, claims }) =>
    claims.map(({ feature, also, oneOf, name, needs }) => ({
      scenario,
      long,
      feature,
      name,
      ...(also === undefined ? {} : { also }),
      ...(oneOf === undefined ? {} : { oneOf }),
      ...(needs === undefined ? {} : { needs }),
    })),
  )
}
