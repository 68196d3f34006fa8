/* Answers a packet with an ICMP error, or a SYN with a reset, as the host that the packet was for would. */
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

/* A TCP header without options. */
struct tcp_header {
	__be16 ports[2];
	__be32 sequence, acknowledged;
	__u8 length;               /* in words of 32 bits, in the upper half */
	__u8 flags;
	__be16 window;
	__be16 checksum, urgent;
};

#define TCP_HEADER_MOST 60
#define OUR_HOPS 64

/* What the checksum has to change by for another header. Negative: the header can't be read. */
static __always_inline __s64 header_difference(struct __sk_buff *skb, struct work *work, __u32 length,
					       struct tcp_header *after)
{
	/* Or else the compiler leaves out a check, or makes one of two, which Linux 6.1's verifier can't follow. */
	asm volatile("" : "+r"(length));
	if (length < sizeof *after)
		return -1;
	asm volatile("" : "+r"(length));
	if (length > TCP_HEADER_MOST || bpf_skb_load_bytes(skb, work->packet.l4, work->quoted, length))
		return -1;
	return bpf_csum_diff((__be32 *)work->quoted, length, (__be32 *)after, sizeof *after, 0);
}

/* Turns the IP header, without options, around. */
static __always_inline bool turn_ip(struct __sk_buff *skb, const struct packet *packet)
{
	__u32 l3 = packet->l3;
	__u8 hops = OUR_HOPS;

	if (packet->ipv4) {
		__be32 addresses[2] = { packet->key.destination.word[3], packet->key.source.word[3] };
		__u32 checksum = l3 + offsetof(struct iphdr, check), at = l3 + offsetof(struct iphdr, tot_len);
		__be16 before, after = bpf_htons(sizeof(struct iphdr) + sizeof(struct tcp_header));
		return !bpf_skb_load_bytes(skb, at, &before, sizeof before) &&
		       !bpf_l3_csum_replace(skb, checksum, before, after, sizeof after) &&
		       !bpf_skb_store_bytes(skb, at, &after, sizeof after, 0) &&
		       !bpf_l3_csum_replace(skb, checksum, bpf_htons(packet->hops << 8), bpf_htons(hops << 8), 2) &&
		       !bpf_skb_store_bytes(skb, l3 + offsetof(struct iphdr, ttl), &hops, sizeof hops, 0) &&
		       !bpf_skb_store_bytes(skb, l3 + offsetof(struct iphdr, saddr), addresses, sizeof addresses, 0);
	}
	struct address addresses[2] = { packet->key.destination, packet->key.source };
	__be16 length = bpf_htons(sizeof(struct tcp_header));
	return !bpf_skb_store_bytes(skb, l3 + offsetof(struct ipv6hdr, payload_len), &length, sizeof length, 0) &&
	       !bpf_skb_store_bytes(skb, l3 + offsetof(struct ipv6hdr, hop_limit), &hops, sizeof hops, 0) &&
	       !bpf_skb_store_bytes(skb, l3 + offsetof(struct ipv6hdr, saddr), addresses, sizeof addresses, 0);
}

/* How long the segment is by its IP header. 0: that has options, or extension headers. */
static __always_inline __u32 segment_length(struct __sk_buff *skb, const struct packet *packet)
{
	__u32 header = packet->ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr), length;
	__u32 at = packet->ipv4 ? offsetof(struct iphdr, tot_len) : offsetof(struct ipv6hdr, payload_len);
	__be16 bytes;

	if (packet->l4 - packet->l3 != header || bpf_skb_load_bytes(skb, packet->l3 + at, &bytes, sizeof bytes))
		return 0;
	length = bpf_ntohs(bytes);
	return packet->ipv4 ? length - header : length;
}

/*
 * Makes a SYN the reset that answers it. The checksum is changed and not made anew: a device may have yet to complete it.
 * TC_ACT_UNSPEC: the packet is no plain SYN, and as it was.
 */
static __noinline int answer_reset(struct __sk_buff *skb, struct work *work)
{
	struct packet *packet = &work->packet;
	__u32 l4 = packet->l4, length = segment_length(skb, packet);
	__u32 checksum = l4 + offsetof(struct tcp_header, checksum);
	struct tcp_header before, after;

	if (!is_first_of_tcp(packet) || bpf_skb_load_bytes(skb, l4, &before, sizeof before))
		return TC_ACT_UNSPEC;
	/* With data in it (TCP Fast Open), or cut off. */
	if ((before.length >> 4) * 4 != length)
		return TC_ACT_UNSPEC;
	after = before;
	after.ports[0] = before.ports[1];
	after.ports[1] = before.ports[0];
	after.sequence = after.window = 0;
	after.acknowledged = bpf_htonl(bpf_ntohl(before.sequence) + 1);
	after.length = sizeof after / 4 << 4;
	after.flags = TCP_RST | TCP_ACK;
	__s64 difference = header_difference(skb, work, length, &after);
	if (difference < 0)
		return TC_ACT_UNSPEC;
	__be32 lengths[2] = { bpf_htonl(length), bpf_htonl(sizeof after) };
	__s64 of_lengths = bpf_csum_diff(&lengths[0], sizeof *lengths, &lengths[1], sizeof *lengths, 0);
	/* Stored first, for it has the old checksum. */
	if (bpf_skb_store_bytes(skb, l4, &after, sizeof after, 0) ||
	    bpf_l4_csum_replace(skb, checksum, 0, difference, 0) ||
	    bpf_l4_csum_replace(skb, checksum, 0, of_lengths, BPF_F_PSEUDO_HDR) || !turn_ip(skb, packet) ||
	    bpf_skb_change_tail(skb, l4 + sizeof after, 0))
		return TC_ACT_SHOT;
	return send_back(skb, work);
}

/*
 * Nothing serves here: a reset, or port unreachable. Where client and node share a machine, an ICMP error would come back
 * during the client's own connect(), which hears of it only when it sends its SYN again. Resets aren't counted, as Linux
 * counts none: they are no larger than what they answer.
 */
static __always_inline int answer_refused(struct __sk_buff *skb, struct work *work)
{
	if (work->packet.key.protocol == IPPROTO_TCP) {
		int action = answer_reset(skb, work);
		if (action != TC_ACT_UNSPEC)
			return action;
	}
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
