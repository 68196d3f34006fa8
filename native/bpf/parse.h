/* A packet's addresses and ports, of either family, without assuming more of it than has been checked. */
#ifndef PORTOLAN_PARSE_H
#define PORTOLAN_PARSE_H

#define IP_OFFSET ETH_HLEN

struct packet {
	struct flow_key key;
	__u32 l4;                  /* offset of the transport header */
	__u8 tcp_flags;
	__u8 ipv4;
	__u8 hops;                 /* time to live, or hop limit */
	__u8 translatable;         /* TCP or UDP, and its ports are there */
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
	struct endpoint endpoint;
	struct address client;
	struct bpf_fib_lookup lookup;
	struct bpf_redir_neigh neighbour;
	__u32 interface;           /* where the packet leaves; 0: for this node itself, or the stack has to decide */
	__u32 mtu;                 /* of the way, when the packet is larger; else 0 */
	struct address addresses[4];
	__u8 quoted[64];
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

/* False: not IP, or broken, or not to be told from its own bytes. */
static __always_inline bool parse(struct __sk_buff *skb, struct packet *packet)
{
	struct flow_key *key = &packet->key;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;
		if (bpf_skb_load_bytes(skb, IP_OFFSET, &ip, sizeof ip) || ip.ihl < 5)
			return false;
		key->source = ipv4_address(ip.saddr);
		key->destination = ipv4_address(ip.daddr);
		key->protocol = ip.protocol;
		packet->l4 = IP_OFFSET + ip.ihl * 4;
		packet->hops = ip.ttl;
		packet->ipv4 = 1;
		/* Only a datagram's first fragment has ports. */
		if (ip.frag_off & bpf_htons(0x1fff))
			return false;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr ip;
		if (bpf_skb_load_bytes(skb, IP_OFFSET, &ip, sizeof ip))
			return false;
		__builtin_memcpy(&key->source, &ip.saddr, sizeof key->source);
		__builtin_memcpy(&key->destination, &ip.daddr, sizeof key->destination);
		key->protocol = ip.nexthdr;
		packet->l4 = IP_OFFSET + sizeof ip;
		packet->hops = ip.hop_limit;
	} else {
		return false;
	}
	if (key->protocol != IPPROTO_TCP && key->protocol != IPPROTO_UDP)
		return true;
	__be16 ports[2];
	if (bpf_skb_load_bytes(skb, packet->l4, ports, sizeof ports))
		return true;
	if (key->protocol == IPPROTO_TCP && bpf_skb_load_bytes(skb, packet->l4 + 13, &packet->tcp_flags, 1))
		return true;
	key->source_port = ports[0];
	key->destination_port = ports[1];
	packet->translatable = 1;
	return true;
}

#endif
