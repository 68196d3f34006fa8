/*
 * What user space tells the programs, and what the programs remember. Every structure here is described once more in
 * dataplanes/ebpf/layout/structures.ts, and a test compares the two (sizes and offsets, from this object's BTF).
 *
 * An IPv4 address is kept as the IPv4-mapped IPv6 address ::ffff:a.b.c.d, so both families, and an IPv6 socket that
 * talks to an IPv4 address, take the same way through the programs. Addresses and ports are in network order, all
 * else in host order. Keys have no padding: a hash map compares every byte.
 */
#ifndef PORTOLAN_STRUCTURES_H
#define PORTOLAN_STRUCTURES_H

struct address {
	__u32 word[4];
};

/* What a key of the frontends map stands for. */
enum {
	KIND_ADDRESS = 0,          /* address, protocol, port: a ClusterIP, external IP or load balancer address */
	KIND_NODE_PORT = 1,        /* protocol, port; the address is all zero (IPv4-mapped for IPv4) */
	KIND_CLUSTER_IP = 2,       /* address: other ports of it are refused */
	KIND_NODE_PORT_ADDRESS = 3,/* address: NodePorts answer there */
	KIND_LOCAL_ADDRESS = 4,    /* address: one of this node's interfaces has it */
};

struct frontend_key {
	struct address address;
	__be16 port;
	__u8 protocol;
	__u8 kind;
};

/* Who asks; the index of the verdict. */
enum { CLASS_POD = 0, CLASS_NODE = 1, CLASS_OUTSIDE = 2 };

/* A verdict: what to do, and how. */
enum {
	VERDICT_REJECT = 1,
	VERDICT_DROP = 2,
	VERDICT_BALANCE = 4,
	VERDICT_LOCAL = 8,         /* over the local endpoints instead of all */
	VERDICT_MASQUERADE = 16,
	VERDICT_AT_SOCKET = 32,    /* can be done when the socket connects, before there is a packet */
};

enum { FRONTEND_HAS_RANGES = 1 };

/* All frontends of a service port name the same service, so affinity and endpoints are shared. */
struct frontend {
	__u32 service;
	__u8 verdict[3];
	__u8 flags;
};

/*
 * Where the endpoints are: base (32 bits), number of cluster endpoints (16), of local ones (16), which come right
 * behind. One 8-byte store changes all three, so no packet sees half of a change.
 */
struct service {
	__u64 word;
	__u32 affinity_seconds;    /* 0: none */
	__u32 pad;
};

struct endpoint {
	struct address address;
	__be16 port;
	__u16 pad;
};

/* Scopes of the ranges map besides services, whose numbers begin at 1. In network order: it is part of the prefix. */
enum { SCOPE_UNALLOCATED = 0, SCOPE_PODS = 0xffffffff };

struct range_key {
	__u32 prefix_length;       /* bits, the scope's 32 included */
	__be32 scope;
	struct address address;
};

/* Whether a remembered endpoint is still one of a service's; for UDP, and for session affinity. */
struct member_key {
	struct address address;
	__u32 service;
	__be16 port;
	__u16 local;
};

struct affinity_key {
	struct address client;     /* all zero: this node itself */
	__u32 service;
	__u32 local;
};

struct affinity {
	struct address address;
	__u64 last;                /* ns, of the last new connection */
	__be16 port;
	__u16 pad[3];
};

/* A packet's addresses, as it comes in. */
struct flow_key {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 protocol;
};

/* And as it goes out. Each connection has two: one for each direction. timeouts.h tells how long they are kept. */
struct flow {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 service;             /* 0: not a Service's; only the client's port is translated (untranslated.h) */
	__u64 last;                /* ns, of the last packet this way; good to a second */
	__u8 state;                /* the connection's: the same in both directions (enum flow_state) */
	__u8 reply;                /* from the endpoint to the client */
	__u8 local;                /* chosen over the local endpoints */
	__u8 pad;
	__u32 begun;               /* s, when the connection was new */
};

/* A flow that isn't a Service's, known by the flow_key of that direction whose source is the lower one. */
struct untranslated {
	__u64 last;                /* ns, of the last packet in either direction; good to a second */
	__u8 state;                /* enum flow_state */
	__u8 turned;               /* begun by the higher one */
	__u16 pad[3];
};

/* A datagram in pieces. The protocol is that of IPv4; IPv6 tells datagrams apart without it (RFC 8200, 4.5). */
struct fragment_key {
	struct address source;
	struct address destination;
	__be32 id;
	__u32 protocol;
};

/* What only the first piece says. */
struct fragment {
	__u64 last;                /* ns, of the first piece */
	__be16 source_port;
	__be16 destination_port;
	__u32 protocol;
};

/* What a translated socket's peer was called by the program that owns the socket. */
struct peer_key {
	__u64 socket;
	struct address address;
	__be16 port;
	__u16 pad[3];
};

struct peer {
	struct address address;
	__be16 port;
	__u8 unconnected;          /* for datagrams of a socket that isn't connected to it */
	__u8 pad;
	__u32 service;
};

/* Where an unconnected UDP socket's datagrams to a frontend go. */
struct choice {
	struct address address;
	__be16 port;
	__u16 pad;
};

/* The two families are applied apart, so what both need is there twice. */
enum { FAMILY_IPV4 = 0, FAMILY_IPV6 = 1 };

struct device_key {
	__u32 interface;           /* its index; 0: the default for interfaces without an address */
	__u32 family;
};

struct device {
	struct address address;    /* source of what is masqueraded out of it; all zero: none */
	__u32 flags;
	__u32 bridge;              /* index of the bridge that it is a port of; 0: none */
};

enum { DEVICE_OF_PODS = 1 }; /* what comes in by it is from local pods */

/* Index: the family. */
struct settings {
	__u64 node;                /* cookie of the node's network namespace; 0: not set up yet */
	__u16 first_port;          /* source ports of masqueraded connections, host order */
	__u16 last_port;
	__u8 listed_only;          /* act on sockets of the listed namespaces only; 0: every other namespace is a pod's */
	__u8 pod_class;            /* what a pod's socket counts as */
	__u16 pad;
};

static __always_inline bool same_address(const struct address *one, const struct address *other)
{
	return one->word[0] == other->word[0] && one->word[1] == other->word[1] && one->word[2] == other->word[2] &&
	       one->word[3] == other->word[3];
}

/* No address at all: one of IPv4 is never all zero, and one of IPv6 may have any word zero. */
static __always_inline bool is_none(const struct address *address)
{
	return !(address->word[0] | address->word[1] | address->word[2] | address->word[3]);
}

static __always_inline bool is_ipv4(const struct address *address)
{
	return !address->word[0] && !address->word[1] && address->word[2] == bpf_htonl(0xffff);
}

static __always_inline bool is_loopback(const struct address *address)
{
	if (is_ipv4(address))
		return (address->word[3] & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
	return !address->word[0] && !address->word[1] && !address->word[2] && address->word[3] == bpf_htonl(1);
}

static __always_inline struct address ipv4_address(__be32 ipv4)
{
	struct address address = { .word = { 0, 0, bpf_htonl(0xffff), ipv4 } };
	return address;
}

#define MAP(NAME, TYPE, KEY, VALUE, ENTRIES, FLAGS)        \
	struct {                                           \
		__uint(type, BPF_MAP_TYPE_##TYPE);         \
		__uint(max_entries, ENTRIES);              \
		__uint(map_flags, FLAGS);                  \
		__type(key, KEY);                          \
		__type(value, VALUE);                      \
	} NAME SEC(".maps")

#endif
