/* Answers a packet with an ICMP error, as the host that the packet was for would. */
#ifndef PORTOLAN_REFUSE_H
#define PORTOLAN_REFUSE_H

/* What an ICMP error quotes: the IP header and the whole TCP header, which the kernel won't cut in two. */
#define QUOTED_TCP 20
#define QUOTED_OTHER 8

struct icmp_error {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 rest;               /* the MTU, in an error about it */
};

static __always_inline __be16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The packet goes back by the interface that it came in by. */
static __always_inline int send_back(struct __sk_buff *skb)
{
	__u8 mac[12], swapped[12];
	if (bpf_skb_load_bytes(skb, 0, mac, sizeof mac))
		return TC_ACT_SHOT;
	__builtin_memcpy(swapped, mac + 6, 6);
	__builtin_memcpy(swapped + 6, mac, 6);
	if (bpf_skb_store_bytes(skb, 0, swapped, sizeof swapped, 0))
		return TC_ACT_SHOT;
	return bpf_redirect(skb->ifindex, 0);
}

/* The checksum of what is quoted, on top of a sum that has begun; negative: the packet is too short. */
static __always_inline __s64 sum_quoted(struct __sk_buff *skb, struct work *work, __u32 offset, __u32 header, __u32 sum)
{
	if (work->packet.key.protocol == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, offset, work->quoted, header + QUOTED_TCP))
			return -1;
		return bpf_csum_diff(NULL, 0, (__be32 *)work->quoted, header + QUOTED_TCP, sum);
	}
	if (bpf_skb_load_bytes(skb, offset, work->quoted, header + QUOTED_OTHER))
		return -1;
	return bpf_csum_diff(NULL, 0, (__be32 *)work->quoted, header + QUOTED_OTHER, sum);
}

/* Cuts a packet down to what is quoted, and makes room for the headers of the error. */
static __always_inline bool make_room(struct __sk_buff *skb, const struct work *work, __u32 header, __u32 room)
{
	__u32 length = header + (work->packet.key.protocol == IPPROTO_TCP ? QUOTED_TCP : QUOTED_OTHER);
	return work->packet.l4 == IP_OFFSET + header && skb->len >= IP_OFFSET + length &&
	       !bpf_skb_change_tail(skb, IP_OFFSET + length, 0) &&
	       !bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, 0);
}

static __noinline int answer_ipv4(struct __sk_buff *skb, struct work *work, __u32 code, __u32 rest)
{
	struct { struct iphdr ip; struct icmp_error icmp; } head = {};

	if (!make_room(skb, work, sizeof head.ip, sizeof head))
		return TC_ACT_SHOT;
	__s64 sum = sum_quoted(skb, work, IP_OFFSET + sizeof head, sizeof head.ip, 0);
	if (sum < 0)
		return TC_ACT_SHOT;
	head.icmp.type = 3;
	head.icmp.code = code;
	head.icmp.rest = bpf_htonl(rest);
	head.icmp.checksum = fold(bpf_csum_diff(NULL, 0, (__be32 *)&head.icmp, sizeof head.icmp, sum));
	head.ip.version = 4;
	head.ip.ihl = 5;
	head.ip.tot_len = bpf_htons(skb->len - ETH_HLEN);
	head.ip.ttl = 64;
	head.ip.protocol = IPPROTO_ICMP;
	head.ip.saddr = work->packet.key.destination.word[3];
	head.ip.daddr = work->packet.key.source.word[3];
	head.ip.check = fold(bpf_csum_diff(NULL, 0, (__be32 *)&head.ip, sizeof head.ip, 0));
	if (bpf_skb_store_bytes(skb, IP_OFFSET, &head, sizeof head, 0))
		return TC_ACT_SHOT;
	return send_back(skb);
}

static __noinline int answer_ipv6(struct __sk_buff *skb, struct work *work, __u32 type, __u32 code, __u32 rest)
{
	struct { struct ipv6hdr ip; struct icmp_error icmp; } head = {};
	struct { struct address source, destination; __be32 length, next; } pseudo = {};

	if (!make_room(skb, work, sizeof head.ip, sizeof head))
		return TC_ACT_SHOT;
	pseudo.source = work->packet.key.destination;
	pseudo.destination = work->packet.key.source;
	pseudo.length = bpf_htonl(skb->len - ETH_HLEN - sizeof head.ip);
	pseudo.next = bpf_htonl(IPPROTO_ICMPV6);
	__s64 sum = bpf_csum_diff(NULL, 0, (__be32 *)&pseudo, sizeof pseudo, 0);
	sum = sum_quoted(skb, work, IP_OFFSET + sizeof head, sizeof head.ip, sum);
	if (sum < 0)
		return TC_ACT_SHOT;
	head.icmp.type = type;
	head.icmp.code = code;
	head.icmp.rest = bpf_htonl(rest);
	head.icmp.checksum = fold(bpf_csum_diff(NULL, 0, (__be32 *)&head.icmp, sizeof head.icmp, sum));
	head.ip.version = 6;
	head.ip.payload_len = bpf_htons(skb->len - ETH_HLEN - sizeof head.ip);
	head.ip.nexthdr = IPPROTO_ICMPV6;
	head.ip.hop_limit = 64;
	__builtin_memcpy(&head.ip.saddr, &pseudo.source, sizeof pseudo.source);
	__builtin_memcpy(&head.ip.daddr, &pseudo.destination, sizeof pseudo.destination);
	if (bpf_skb_store_bytes(skb, IP_OFFSET, &head, sizeof head, 0))
		return TC_ACT_SHOT;
	return send_back(skb);
}

/* Port unreachable: nothing serves here. */
static __always_inline int answer_refused(struct __sk_buff *skb, struct work *work)
{
	return work->packet.ipv4 ? answer_ipv4(skb, work, 3, 0) : answer_ipv6(skb, work, 1, 4, 0);
}

/* Too large for the way it would have to go (path MTU discovery). */
static __always_inline int answer_too_large(struct __sk_buff *skb, struct work *work, __u32 mtu)
{
	return work->packet.ipv4 ? answer_ipv4(skb, work, 4, mtu) : answer_ipv6(skb, work, 2, 0, mtu);
}

#endif
