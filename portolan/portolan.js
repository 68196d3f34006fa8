#!/usr/bin/env -S node --max-semi-space-size=4
// The core has the command, and finds the dataplanes beside this program.
import '@portolan/core/command'
