/* A packet's addresses and ports, of either family, without assuming more of it than has been checked. */
#ifndef PORTOLAN_PARSE_H
#define PORTOLAN_PARSE_H

/* Of a datagram in pieces, only the first piece has the transport header. */
enum { WHOLE = 0, FIRST_FRAGMENT = 1, LATER_FRAGMENT = 2 };

struct packet {
	struct flow_key key;
	__u32 l3;                  /* offset of the IP header: 14 behind an Ethernet header, 0 where devices have none */
	__u32 l4;                  /* offset of the transport header */
	__be32 fragment_id;
	__u32 l4_length;           /* of the transport header */
	__u8 fragment;
	__u8 tcp_flags;
	__u8 ipv4;
	__u8 hops;                 /* time to live, or hop limit */
	__u8 translatable;         /* TCP or UDP, and its ports are known */
	__u8 outgoing;             /* this node made it */
	__u8 switched;             /* it is at a port of a bridge, which may pass it on past the node's stack */
};

/*
 * What a packet program works with. It is too large for the 512 bytes of a program's stack, so each processor has
 * one; no packet program is interrupted by another on the same processor.
 */
struct work {
	struct packet packet;
	struct flow flow;          /* this packet's */
	struct flow reply;         /* a new connection's other direction, and its key */
	struct flow_key back;
	struct flow_key pair;      /* of a flow that isn't a Service's: its key in the map `untranslated` */
	struct endpoint endpoint;
	struct address client;
	struct bpf_fib_lookup lookup;
	struct bpf_redir_neigh neighbour;
	__u32 interface;           /* where the packet leaves; 0: for this node itself, or the stack has to decide */
	__u32 mtu;                 /* of the way, when the packet is larger; else 0 */
	struct address addresses[4];
	__u8 quoted[128];
};

MAP(scratch, PERCPU_ARRAY, __u32, struct work, 1, 0);

#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16

static __always_inline bool is_first_of_tcp(const struct packet *packet)
{
	return (packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

#define IPV6_HOP_BY_HOP 0
#define IPV6_ROUTING 43
#define IPV6_FRAGMENT 44
#define IPV6_DESTINATION 60

/* How many of IPv6's extension headers are followed; more than one is rare. */
#define IPV6_HEADERS 4

/* Finds the transport header behind IPv6's extension headers. False: there is none in this packet. */
static __always_inline bool skip_extensions(struct __sk_buff *skb, __u32 *l4, __u32 *protocol, __u8 *fragment,
					    __be32 *id)
{
	struct { __u8 next, length; __be16 offset; __be32 id; } header;

#pragma unroll
	for (int number = 0; number < IPV6_HEADERS; number++) {
		if (*protocol != IPV6_HOP_BY_HOP && *protocol != IPV6_ROUTING && *protocol != IPV6_FRAGMENT &&
		    *protocol != IPV6_DESTINATION)
			return true;
		if (bpf_skb_load_bytes(skb, *l4, &header, sizeof header))
			return false;
		if (*protocol != IPV6_FRAGMENT) {
			*l4 += (header.length + 1) * 8;
			*protocol = header.next;
			continue;
		}
		*l4 += sizeof header;
		*protocol = header.next;
		*id = header.id;
		if (header.offset & bpf_htons(0xfff8)) {
			*fragment = LATER_FRAGMENT;
			return true;
		}
		/* A datagram in one piece may have this header too. */
		if (header.offset & bpf_htons(1))
			*fragment = FIRST_FRAGMENT;
	}
	return true;
}

#define VLAN_NUMBER 0x0fff

/*
 * A packet of a VLAN is no packet of the device that carries it (eth0): it is looked at where it comes without its tag
 * (eth0.100, or a bridge with VLANs). A tag with the number 0 has a priority only, and Linux ignores it.
 */
static __always_inline bool is_of_vlan(const struct __sk_buff *skb)
{
	return skb->vlan_present && (skb->vlan_tci & VLAN_NUMBER);
}

/* False: not IP, of a VLAN, or broken. */
static __always_inline bool parse(struct __sk_buff *skb, struct packet *packet, __u32 l3)
{
	struct flow_key *key = &packet->key;

	if (is_of_vlan(skb))
		return false;
	packet->l3 = l3;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;
		if (bpf_skb_load_bytes(skb, l3, &ip, sizeof ip) || ip.ihl < 5)
			return false;
		key->source = ipv4_address(ip.saddr);
		key->destination = ipv4_address(ip.daddr);
		key->protocol = ip.protocol;
		packet->l4 = l3 + ip.ihl * 4;
		packet->hops = ip.ttl;
		packet->ipv4 = 1;
		packet->fragment_id = ip.id;
		if (ip.frag_off & bpf_htons(0x1fff))
			packet->fragment = LATER_FRAGMENT;
		else if (ip.frag_off & bpf_htons(0x2000))
			packet->fragment = FIRST_FRAGMENT;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr ip;
		__u32 protocol, l4 = l3 + sizeof ip;
		if (bpf_skb_load_bytes(skb, l3, &ip, sizeof ip))
			return false;
		__builtin_memcpy(&key->source, &ip.saddr, sizeof key->source);
		__builtin_memcpy(&key->destination, &ip.daddr, sizeof key->destination);
		packet->hops = ip.hop_limit;
		protocol = ip.nexthdr;
		if (!skip_extensions(skb, &l4, &protocol, &packet->fragment, &packet->fragment_id))
			return false;
		key->protocol = protocol;
		packet->l4 = l4;
	} else {
		return false;
	}
	if (packet->fragment == LATER_FRAGMENT || (key->protocol != IPPROTO_TCP && key->protocol != IPPROTO_UDP))
		return true;
	__be16 ports[2];
	if (bpf_skb_load_bytes(skb, packet->l4, ports, sizeof ports))
		return true;
	packet->l4_length = sizeof(struct udphdr);
	if (key->protocol == IPPROTO_TCP) {
		__u8 offset_and_flags[2];
		if (bpf_skb_load_bytes(skb, packet->l4 + 12, offset_and_flags, sizeof offset_and_flags))
			return true;
		packet->l4_length = (offset_and_flags[0] >> 4) * 4;
		packet->tcp_flags = offset_and_flags[1];
	}
	key->source_port = ports[0];
	key->destination_port = ports[1];
	packet->translatable = 1;
	return true;
}

#endif
