import { tracedRanges } from '@portolan/conformance/traced-ranges'
import test from 'ava'
import { modelSubject } from './convergence-subject.ts'

tracedRanges(test, () => modelSubject().open())
