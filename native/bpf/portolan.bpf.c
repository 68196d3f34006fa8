/*
 * Portolan's eBPF programs: Services at sockets (sockets.h) and in packets (packets.h), by one set of maps (maps.h).
 * They need the kernel's stable headers only, and Linux 6.1.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10

#include "structures.h"
#include "maps.h"
#include "choose.h"
#include "sockets.h"
#include "parse.h"
#include "timeouts.h"
#include "fragments.h"
#include "marks.h"
#include "untranslated.h"
#include "connections.h"
#include "masquerade.h"
#include "translate.h"
#include "refuse.h"
#include "icmp-errors.h"
#include "collisions.h"
#include "packets.h"

char portolan_license[] SEC("license") = "GPL";
