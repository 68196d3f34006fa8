// Prints containerd's default seccomp profile, by capability, as the tests of the image read it.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"runtime/debug"

	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// Those for which the profile has rules of their own, in its order.
var capabilities = []string{
	"CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_CHROOT", "CAP_SYS_MODULE", "CAP_SYS_PACCT",
	"CAP_SYS_PTRACE", "CAP_SYS_RAWIO", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_SYS_NICE", "CAP_SYSLOG", "CAP_BPF",
	"CAP_PERFMON",
}

func main() {
	without := profile()
	every := []specs.LinuxSyscall{}
	withAdmin := profile("CAP_SYS_ADMIN")
	for _, rule := range without.Syscalls {
		if has(withAdmin.Syscalls, rule) {
			every = append(every, rule)
		}
	}
	byCapability := map[string][]specs.LinuxSyscall{}
	for _, capability := range capabilities {
		byCapability[capability] = beyond(profile(capability).Syscalls, without.Syscalls)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(map[string]any{
		"source":        "containerd " + version() + ", contrib/seccomp (Apache-2.0), by go run .",
		"defaultAction": without.DefaultAction,
		"architectures": without.Architectures,
		"always":        every,
		"withoutAdmin":  beyond(without.Syscalls, withAdmin.Syscalls),
		"byCapability":  byCapability,
	}); err != nil {
		panic(err)
	}
}

func profile(capabilities ...string) *specs.LinuxSeccomp {
	return seccomp.DefaultProfile(&specs.Spec{
		Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: capabilities}},
	})
}

func beyond(rules, known []specs.LinuxSyscall) []specs.LinuxSyscall {
	found := []specs.LinuxSyscall{}
	for _, rule := range rules {
		if !has(known, rule) {
			found = append(found, rule)
		}
	}
	return found
}

func has(rules []specs.LinuxSyscall, wanted specs.LinuxSyscall) bool {
	for _, rule := range rules {
		if reflect.DeepEqual(rule, wanted) {
			return true
		}
	}
	return false
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/containerd/containerd/v2" {
			return module.Version
		}
	}
	return ""
}
