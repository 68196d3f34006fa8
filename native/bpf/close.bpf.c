/*
 * Closes UDP sockets that were led to an endpoint which has gone, so that their owners connect anew at once instead of
 * waiting for answers. TCP connections go on until one side ends them, as behind kube-proxy. An object of its own, for
 * the kernel can do it from Linux 6.5 on (bpf_sock_destroy).
 *
 * The program is an iterator: reading from it runs it for every socket of the reader's network namespace. User space
 * fills the map `removed` and reads; `peers` is the map that the other programs have filled (sockets.h).
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10

/* The kernel's own structures: only what is used of them. Where it is, is found out when the programs are loaded. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be16 skc_dport;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
};

struct sock {
	struct sock_common __sk_common;
};

struct inet_sock {
	struct sock sk;
};

struct udp_sock {
	struct inet_sock inet;
};

struct bpf_iter__udp {
	struct udp_sock *udp_sk;
};
#pragma clang attribute pop

extern int bpf_sock_destroy(struct sock_common *socket) __ksym;

#include "structures.h"

/* An endpoint that a service has no longer. */
struct removed_key {
	struct address address;
	__u32 service;
	__be16 port;
	__u8 protocol;
	__u8 pad;
};

/* Of the size that the other programs' map has. */
MAP(peers, LRU_HASH, struct peer_key, struct peer, 65536, 0);
MAP(removed, HASH, struct removed_key, __u8, 65536, BPF_F_NO_PREALLOC);

/* A socket that isn't connected, or talks to something else than a removed endpoint of a Service, is left alone. */
static __always_inline void close_if_removed(struct sock_common *socket)
{
	struct peer_key key = { .port = socket->skc_dport };
	struct removed_key removed_key = { .protocol = IPPROTO_UDP };

	if (!key.port)
		return;
	if (socket->skc_family == AF_INET) {
		key.address = ipv4_address(socket->skc_daddr);
	} else if (socket->skc_family == AF_INET6) {
		key.address.word[0] = socket->skc_v6_daddr.in6_u.u6_addr32[0];
		key.address.word[1] = socket->skc_v6_daddr.in6_u.u6_addr32[1];
		key.address.word[2] = socket->skc_v6_daddr.in6_u.u6_addr32[2];
		key.address.word[3] = socket->skc_v6_daddr.in6_u.u6_addr32[3];
	} else {
		return;
	}
	key.socket = bpf_get_socket_cookie(socket);
	struct peer *peer = bpf_map_lookup_elem(&peers, &key);
	if (!peer)
		return;
	removed_key.address = key.address;
	removed_key.port = key.port;
	removed_key.service = peer->service;
	if (bpf_map_lookup_elem(&removed, &removed_key))
		bpf_sock_destroy(socket);
}

SEC("iter/udp") int close_udp(struct bpf_iter__udp *context)
{
	struct udp_sock *socket = context->udp_sk;
	if (socket)
		close_if_removed((struct sock_common *)socket);
	return 0;
}

char portolan_license[] SEC("license") = "GPL";
