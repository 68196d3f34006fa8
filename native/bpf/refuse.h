/* Answers a packet with an ICMP error, as the host that the packet was for would. */
#ifndef PORTOLAN_REFUSE_H
#define PORTOLAN_REFUSE_H

/* What an ICMP error quotes: the IP header and the whole TCP header, which the kernel won't cut in two. */
#define QUOTED_TCP 20
#define QUOTED_OTHER 8
#define QUOTED_MOST 120

struct icmp_error {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 rest;               /* the MTU, in an error about it */
};

/*
 * How many errors a processor may still make, about as many in a second as Linux itself makes (net.ipv4.icmp_msgs_per_sec):
 * packets with forged sources must not make a node flood whom they name. As with Linux, errors about the size of packets
 * don't count: without them connections hang.
 */
#define ERRORS_PER_SECOND 1000

struct error_budget {
	__u64 last;                /* ns, when it was reckoned */
	__u64 left;                /* ns: each error costs its part of a second, and there is never more than a second */
};

MAP(error_budgets, PERCPU_ARRAY, __u32, struct error_budget, 1, 0);

static __always_inline bool may_answer(void)
{
	__u32 first = 0;
	struct error_budget *budget = bpf_map_lookup_elem(&error_budgets, &first);
	if (!budget)
		return false;
	__u64 now = bpf_ktime_get_ns();
	budget->left += now - budget->last;
	if (budget->left > NANOSECONDS)
		budget->left = NANOSECONDS;
	budget->last = now;
	if (budget->left < NANOSECONDS / ERRORS_PER_SECOND)
		return false;
	budget->left -= NANOSECONDS / ERRORS_PER_SECOND;
	return true;
}

static __always_inline __be16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The packet goes back by the interface that it came in by, or to this node's stack. */
static __always_inline int send_back(struct __sk_buff *skb, const struct work *work)
{
	__u64 flags = work->packet.outgoing ? BPF_F_INGRESS : 0;
	__u8 mac[12], swapped[12];

	if (!work->packet.l3)
		return bpf_redirect(skb->ifindex, flags);
	if (bpf_skb_load_bytes(skb, 0, mac, sizeof mac))
		return TC_ACT_SHOT;
	__builtin_memcpy(swapped, mac + 6, 6);
	__builtin_memcpy(swapped + 6, mac, 6);
	if (bpf_skb_store_bytes(skb, 0, swapped, sizeof swapped, 0))
		return TC_ACT_SHOT;
	return bpf_redirect(skb->ifindex, flags);
}

/* How much of the packet is quoted, from its IP header on. 0: it has no such header, or too large a one. */
static __always_inline __u32 quoted_length(struct __sk_buff *skb, const struct packet *packet)
{
	__u32 length = packet->l4 - packet->l3 + (packet->key.protocol == IPPROTO_TCP ? QUOTED_TCP : QUOTED_OTHER);
	return packet->fragment == LATER_FRAGMENT || length > QUOTED_MOST || packet->l3 + length > skb->len ? 0 : length;
}

/* The checksum of what is quoted, on top of a sum that has begun. Negative: the packet is too short. */
static __always_inline __s64 sum_quoted(struct __sk_buff *skb, struct work *work, __u32 length, __u32 sum)
{
	if (length < sizeof(struct iphdr) || length > QUOTED_MOST ||
	    bpf_skb_load_bytes(skb, work->packet.l3, work->quoted, length))
		return -1;
	return bpf_csum_diff(NULL, 0, (__be32 *)work->quoted, length, sum);
}

/* Cuts the packet down to what is quoted, and makes room in front for the headers of the error. */
static __always_inline bool make_room(struct __sk_buff *skb, const struct work *work, __u32 length, __u32 room)
{
	return !bpf_skb_change_tail(skb, work->packet.l3 + length, 0) &&
	       !bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, 0);
}

static __noinline int answer_ipv4(struct __sk_buff *skb, struct work *work, __u32 type, __u32 code, __u32 rest)
{
	struct { struct iphdr ip; struct icmp_error icmp; } head = {};
	__u32 length = quoted_length(skb, &work->packet);
	__s64 sum = sum_quoted(skb, work, length, 0);

	if (sum < 0 || !make_room(skb, work, length, sizeof head))
		return TC_ACT_SHOT;
	head.icmp.type = type;
	head.icmp.code = code;
	head.icmp.rest = bpf_htonl(rest);
	head.icmp.checksum = fold(bpf_csum_diff(NULL, 0, (__be32 *)&head.icmp, sizeof head.icmp, sum));
	head.ip.version = 4;
	head.ip.ihl = 5;
	head.ip.tot_len = bpf_htons(sizeof head + length);
	head.ip.ttl = 64;
	head.ip.protocol = IPPROTO_ICMP;
	head.ip.saddr = work->packet.key.destination.word[3];
	head.ip.daddr = work->packet.key.source.word[3];
	head.ip.check = fold(bpf_csum_diff(NULL, 0, (__be32 *)&head.ip, sizeof head.ip, 0));
	if (bpf_skb_store_bytes(skb, work->packet.l3, &head, sizeof head, 0))
		return TC_ACT_SHOT;
	return send_back(skb, work);
}

static __noinline int answer_ipv6(struct __sk_buff *skb, struct work *work, __u32 type, __u32 code, __u32 rest)
{
	struct { struct ipv6hdr ip; struct icmp_error icmp; } head = {};
	struct { struct address source, destination; __be32 length, next; } pseudo = {};
	__u32 length = quoted_length(skb, &work->packet);

	pseudo.source = work->packet.key.destination;
	pseudo.destination = work->packet.key.source;
	pseudo.length = bpf_htonl(sizeof head.icmp + length);
	pseudo.next = bpf_htonl(IPPROTO_ICMPV6);
	__s64 sum = bpf_csum_diff(NULL, 0, (__be32 *)&pseudo, sizeof pseudo, 0);
	sum = sum_quoted(skb, work, length, sum);
	if (sum < 0 || !make_room(skb, work, length, sizeof head))
		return TC_ACT_SHOT;
	head.icmp.type = type;
	head.icmp.code = code;
	head.icmp.rest = bpf_htonl(rest);
	head.icmp.checksum = fold(bpf_csum_diff(NULL, 0, (__be32 *)&head.icmp, sizeof head.icmp, sum));
	head.ip.version = 6;
	head.ip.payload_len = bpf_htons(sizeof head.icmp + length);
	head.ip.nexthdr = IPPROTO_ICMPV6;
	head.ip.hop_limit = 64;
	__builtin_memcpy(&head.ip.saddr, &pseudo.source, sizeof pseudo.source);
	__builtin_memcpy(&head.ip.daddr, &pseudo.destination, sizeof pseudo.destination);
	if (bpf_skb_store_bytes(skb, work->packet.l3, &head, sizeof head, 0))
		return TC_ACT_SHOT;
	return send_back(skb, work);
}

/* Port unreachable: nothing serves here. */
static __always_inline int answer_refused(struct __sk_buff *skb, struct work *work)
{
	if (!may_answer())
		return TC_ACT_SHOT;
	return work->packet.ipv4 ? answer_ipv4(skb, work, 3, 3, 0) : answer_ipv6(skb, work, 1, 4, 0);
}

/*
 * Too large for the way it would have to go (path MTU discovery). Also where IPv4 would let a router cut it up, which
 * can't be done here: a sender of such packets cuts its datagrams to the size that it is told.
 */
static __always_inline int answer_too_large(struct __sk_buff *skb, struct work *work, __u32 mtu)
{
	return work->packet.ipv4 ? answer_ipv4(skb, work, 3, 4, mtu) : answer_ipv6(skb, work, 2, 0, mtu);
}

/* It has been passed on too often (traceroute). */
static __always_inline int answer_expired(struct __sk_buff *skb, struct work *work)
{
	if (!may_answer())
		return TC_ACT_SHOT;
	return work->packet.ipv4 ? answer_ipv4(skb, work, 11, 0, 0) : answer_ipv6(skb, work, 3, 0, 0);
}

#endif
