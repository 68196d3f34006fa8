/** Real packets through this kernel, compared with what the routing table says; needs root. */
import { conformance, type RowClaim } from '@portolan/conformance'
import test from 'ava'
import underTest from './under-test.ts'

/** Rows that take minutes are left out, unless the environment says PORTOLAN_KIT=whole. */
const isQuick = ({ feature, name }: RowClaim) =>
  !feature.startsWith('affinity') && !/^while |hundred|kill|after all/.test(name)

conformance({ test, ...underTest, ...(process.env.PORTOLAN_KIT === 'whole' ? {} : { filter: isQuick }) })
