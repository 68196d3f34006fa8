import { converges } from '@portolan/conformance/convergence'
import test from 'ava'
import { modelSubject } from './convergence-subject.ts'

converges(test, 'ipvs', { file: 'dataplanes/ipvs/test/convergence.test.ts', subject: modelSubject })
