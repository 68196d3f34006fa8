import type {
  CompiledProgram,
  DataplaneFactory,
  Frontend,
  RoutingTable,
  TableChange,
  Verdict,
} from '@portolan/core'
import nftables from '@portolan/dataplane-nftables'

const bare = (verdict: Verdict): Verdict =>
  verdict.do === 'balance' ? { ...verdict, masquerade: false } : verdict
const bareFrontend = (frontend: Frontend): Frontend => {
  const { pod, node, outside } = frontend.verdicts
  return { ...frontend, verdicts: { pod: bare(pod), node: bare(node), outside: bare(outside) } }
}
const bareRoute = <Route extends { readonly frontends: readonly Frontend[] }>(route: Route): Route => ({
  ...route,
  frontends: route.frontends.map(bareFrontend),
})
const bareTable = (table: RoutingTable): RoutingTable => ({
  ...table,
  routes: new Map([...table.routes].map(([key, route]) => [key, bareRoute(route)])),
})
const bareChange = (change: TableChange): TableChange => ({
  ...change,
  table: bareTable(change.table),
  routes: change.routes.map(({ key, before, after }) => ({
    key,
    ...(before === undefined ? {} : { before: bareRoute(before) }),
    ...(after === undefined ? {} : { after: bareRoute(after) }),
  })),
})

/** A dataplane that masquerades nothing but hairpins: wrong in one point, and consistent with itself. */
const withoutMasquerade: DataplaneFactory = {
  ...(nftables as DataplaneFactory),
  create(options, supervision) {
    const real = nftables.create(options, supervision)
    return new Proxy(real, {
      get(target, name) {
        if (name === 'compile')
          return (change: TableChange): CompiledProgram => target.compile(bareChange(change))
        if (name === 'reconcile')
          return (observed: Parameters<typeof target.reconcile>[0], table: RoutingTable): CompiledProgram =>
            target.reconcile(observed, bareTable(table))
        const part: unknown = Reflect.get(target, name)
        return typeof part === 'function' ? part.bind(target) : part
      },
    })
  },
}
export default withoutMasquerade
