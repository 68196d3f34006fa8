import { fileURLToPath } from 'node:url'
import test from 'ava'
import { flagGroups } from '../core/cli/config-options.ts'
import { commandFlags, kubeProxyFlags, portolanFlags } from '../core/config/config-flags.ts'
import { kubeProxyFields } from '../core/config/kube-proxy-fields.ts'
import { portolanFields } from '../core/config/portolan-fields.ts'
import { fieldTable, flagTable } from './configuration-table.ts'
import { checkGenerated } from './generated-part.ts'

const page = fileURLToPath(new URL('configuration.md', import.meta.url))

test.serial('the page on configuration lists all flags', async (t) => {
  await checkGenerated(t, page, 'all flags', flagTable())
})

test.serial('the page on configuration lists all fields of KubeProxyConfiguration', async (t) => {
  await checkGenerated(t, page, 'all fields of KubeProxyConfiguration', fieldTable(kubeProxyFields))
})

test.serial('the page on configuration lists all fields of PortolanConfiguration', async (t) => {
  await checkGenerated(t, page, 'all fields of PortolanConfiguration', fieldTable(portolanFields))
})

test('every flag is in one group of the help', (t) => {
  const grouped = Object.values(flagGroups).flat()
  const known = Object.keys({ ...kubeProxyFlags, ...portolanFlags, ...commandFlags })
  t.deepEqual(grouped.toSorted(), known.toSorted() as never)
})

test('flags that set several fields set fields of one kind', (t) => {
  for (const [name, paths] of Object.entries(kubeProxyFlags)) {
    const kinds = new Set(paths.map((path) => kubeProxyFields[path].kind))
    t.is(kinds.size, 1, name)
  }
})
