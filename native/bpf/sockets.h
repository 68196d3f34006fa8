/*
 * East-west: a socket that connects to a frontend is connected to an endpoint instead, so no packet of it has to be
 * translated. The programs run in the kernel's connect(2), sendmsg(2), recvmsg(2) and getpeername(2), for sockets of
 * the cgroup they are attached to, whatever its network namespace: so the namespace is looked at first.
 *
 * What can't be said without a packet (which source address, hairpin, masquerade, drop) is left to packets.h.
 */
#ifndef PORTOLAN_SOCKETS_H
#define PORTOLAN_SOCKETS_H

#define ECONNREFUSED 111

enum { REFUSE = 0, PROCEED = 1 }; /* what a connect or sendmsg program returns */

/* Who owns the socket; false: a namespace that is not of this node. */
static __always_inline bool class_of_socket(struct bpf_sock_addr *context, bool ipv4, __u8 *class)
{
	struct settings *settings = read_settings(ipv4);
	if (!settings || !settings->node)
		return false;
	__u64 cookie = bpf_get_netns_cookie(context);
	if (cookie == settings->node) {
		*class = CLASS_NODE;
		return true;
	}
	if (settings->listed_only && !bpf_map_lookup_elem(&namespaces, &cookie))
		return false;
	*class = settings->pod_class;
	return true;
}

/*
 * Source ranges are judged by the packet, for only that has a source. A load balancer address that the node has on an
 * interface is its own source, though, and the answer to such a packet would be a martian: it is judged here.
 */
static __always_inline bool asks_itself(__u32 service, const struct address *address, __u8 class)
{
	return class == CLASS_NODE && is_kind(address, KIND_LOCAL_ADDRESS) && in_range(service, address);
}

/* The verdict for a socket's destination, or 0 to leave it alone. */
static __always_inline __u8 verdict_at_socket(struct bpf_sock_addr *context, const struct address *address,
					      __be16 port, struct found *found, __u8 *owner)
{
	__u8 class, verdict;
	if (!class_of_socket(context, is_ipv4(address), &class))
		return 0;
	*owner = class;
	/* Every namespace has a loopback of its own: NodePorts answer at this node's. */
	if (class != CLASS_NODE && is_loopback(address))
		return 0;
	if (!find_frontend(address, port, context->protocol, found))
		return 0;
	if ((found->flags & FRONTEND_HAS_RANGES) && !asks_itself(found->service, address, class))
		return 0;
	verdict = class == CLASS_POD ? found->verdict[0] : class == CLASS_NODE ? found->verdict[1] : found->verdict[2];
	return verdict & VERDICT_AT_SOCKET ? verdict : 0;
}

static __always_inline void remember_peer(__u64 socket, __u32 service, const struct endpoint *endpoint,
					  const struct address *address, __be16 port, bool unconnected)
{
	struct peer_key key = { .socket = socket, .address = endpoint->address, .port = endpoint->port };
	struct peer peer = { .address = *address, .port = port, .unconnected = unconnected, .service = service };
	struct peer *before = bpf_map_lookup_elem(&peers, &key);
	if (before && same_address(&before->address, address) && before->port == port &&
	    before->unconnected == unconnected && before->service == service)
		return;
	bpf_map_update_elem(&peers, &key, &peer, BPF_ANY);
}

/*
 * The socket turns to an endpoint itself: an answer from there is not a Service's any more. Of the two, whom a socket has
 * asked last it is taken to hear. But a datagram to the endpoint that a socket is connected to may be one to the Service:
 * of an IPv6 socket with an IPv4 peer the kernel names it for each.
 */
static __always_inline void forget_peer(__u64 socket, const struct address *address, __be16 port, bool connects)
{
	struct peer_key key = { .socket = socket, .address = *address, .port = port };
	struct peer *peer = bpf_map_lookup_elem(&peers, &key);
	if (peer && (connects || peer->unconnected))
		bpf_map_delete_elem(&peers, &key);
}

static __always_inline int refuse(void)
{
	bpf_set_retval(-ECONNREFUSED);
	return REFUSE;
}

static __always_inline int connect_socket(struct bpf_sock_addr *context, const struct address *address,
					  struct endpoint *endpoint)
{
	struct found found = {};
	struct address this_node = {};
	__be16 port = context->user_port;
	__u64 socket = bpf_get_socket_cookie(context);
	__u8 class = CLASS_NODE;
	__u8 verdict = verdict_at_socket(context, address, port, &found, &class);
	if (verdict & VERDICT_REJECT)
		return refuse();
	if (!verdict || !choose_endpoint(found.service, !!(verdict & VERDICT_LOCAL), &this_node, endpoint)) {
		forget_peer(socket, address, port, true);
		return PROCEED;
	}
	remember_peer(socket, found.service, endpoint, address, port, false);
	return PROCEED;
}

/*
 * A datagram of an unconnected socket. Such a socket may speak with several Services and with their endpoints themselves,
 * and nothing but their packets tells the answers apart: so what a pod sends is translated as a packet. That would not do
 * for the node's own sockets. Without a route to the Service's address they have no packet at all; to one of the node's own
 * addresses, or to an endpoint there, it passes no interface; and an answer with the Service's address as its source would
 * be a martian where the way to that is another one. So they are served here, and the endpoint stays the same as long as
 * the service has it.
 */
static __always_inline int send_datagram(struct bpf_sock_addr *context, const struct address *address,
					 struct endpoint *endpoint)
{
	struct found found = {};
	struct address this_node = {};
	__be16 port = context->user_port;
	__u64 socket = bpf_get_socket_cookie(context);
	__u8 class = CLASS_POD;
	__u8 verdict = verdict_at_socket(context, address, port, &found, &class);
	if (verdict & VERDICT_REJECT)
		return refuse();
	if (class != CLASS_NODE)
		return PROCEED;
	if (!verdict) {
		forget_peer(socket, address, port, false);
		return PROCEED;
	}
	struct peer_key key = { .socket = socket, .address = *address, .port = port };
	struct choice *before = bpf_map_lookup_elem(&choices, &key);
	__u8 local = !!(verdict & VERDICT_LOCAL);
	if (before && is_member(found.service, local, &before->address, before->port)) {
		endpoint->address = before->address;
		endpoint->port = before->port;
		remember_peer(socket, found.service, endpoint, address, port, true);
		return PROCEED;
	}
	struct choice choice = {};
	if (!choose_endpoint(found.service, local, &this_node, endpoint))
		return PROCEED;
	choice.address = endpoint->address;
	choice.port = endpoint->port;
	bpf_map_update_elem(&choices, &key, &choice, BPF_ANY);
	remember_peer(socket, found.service, endpoint, address, port, true);
	return PROCEED;
}

static __always_inline struct peer *peer_of(struct bpf_sock_addr *context, const struct address *address)
{
	struct peer_key key = {
		.socket = bpf_get_socket_cookie(context),
		.address = *address,
		.port = context->user_port,
	};
	struct peer *peer = bpf_map_lookup_elem(&peers, &key);
	struct bpf_sock *socket = context->sk;
	/* It was connected to a Service once; not any more. */
	if (peer && !peer->unconnected && (!socket || !socket->dst_port))
		return NULL;
	return peer;
}

/* The context's fields are read and written by 4 bytes only. */
static __always_inline struct address ipv6_of(struct bpf_sock_addr *context)
{
	struct address address;
	address.word[0] = context->user_ip6[0];
	address.word[1] = context->user_ip6[1];
	address.word[2] = context->user_ip6[2];
	address.word[3] = context->user_ip6[3];
	return address;
}

static __always_inline void set_ipv6(struct bpf_sock_addr *context, const struct address *address, __be16 port)
{
	context->user_ip6[0] = address->word[0];
	context->user_ip6[1] = address->word[1];
	context->user_ip6[2] = address->word[2];
	context->user_ip6[3] = address->word[3];
	context->user_port = port;
}

static __always_inline void set_ipv4(struct bpf_sock_addr *context, const struct address *address, __be16 port)
{
	context->user_ip4 = address->word[3];
	context->user_port = port;
}

/* A program for each family: TRANSLATE fills the endpoint, whose port stays 0 if there is none. */
#define SOCKET_PROGRAMS(CALL, TRANSLATE)                                                 \
	SEC("cgroup/" #CALL "4") int CALL##_ipv4(struct bpf_sock_addr *context)          \
	{                                                                                \
		struct address address = ipv4_address(context->user_ip4);                \
		struct endpoint endpoint = {};                                           \
		int result = TRANSLATE(context, &address, &endpoint);                    \
		if (endpoint.port)                                                       \
			set_ipv4(context, &endpoint.address, endpoint.port);             \
		return result;                                                           \
	}                                                                                \
	SEC("cgroup/" #CALL "6") int CALL##_ipv6(struct bpf_sock_addr *context)          \
	{                                                                                \
		struct address address = ipv6_of(context);                               \
		struct endpoint endpoint = {};                                           \
		int result = TRANSLATE(context, &address, &endpoint);                    \
		if (endpoint.port)                                                       \
			set_ipv6(context, &endpoint.address, endpoint.port);             \
		return result;                                                           \
	}

/* Shows a socket's owner the address it had asked for. The kernel wants 1 from these. */
#define NAME_PROGRAMS(CALL)                                                              \
	SEC("cgroup/" #CALL "4") int CALL##_ipv4(struct bpf_sock_addr *context)          \
	{                                                                                \
		struct address address = ipv4_address(context->user_ip4);                \
		struct peer *peer = peer_of(context, &address);                          \
		if (peer)                                                                \
			set_ipv4(context, &peer->address, peer->port);                   \
		return PROCEED;                                                          \
	}                                                                                \
	SEC("cgroup/" #CALL "6") int CALL##_ipv6(struct bpf_sock_addr *context)          \
	{                                                                                \
		struct address address = ipv6_of(context);                               \
		struct peer *peer = peer_of(context, &address);                          \
		if (peer)                                                                \
			set_ipv6(context, &peer->address, peer->port);                   \
		return PROCEED;                                                          \
	}

SOCKET_PROGRAMS(connect, connect_socket)
SOCKET_PROGRAMS(sendmsg, send_datagram)
NAME_PROGRAMS(recvmsg)
NAME_PROGRAMS(getpeername)

/*
 * The end of a socket. What an unconnected UDP socket had sent to is not known here; the maps forget that by themselves,
 * the least recently used first.
 */
SEC("cgroup/sock_release") int socket_closed(struct bpf_sock *socket)
{
	struct peer_key key = { .socket = bpf_get_socket_cookie(socket), .port = (__be16)socket->dst_port };

	if (!key.port)
		return PROCEED;
	if (socket->family == AF_INET) {
		key.address = ipv4_address(socket->dst_ip4);
	} else if (socket->family == AF_INET6) {
		key.address.word[0] = socket->dst_ip6[0];
		key.address.word[1] = socket->dst_ip6[1];
		key.address.word[2] = socket->dst_ip6[2];
		key.address.word[3] = socket->dst_ip6[3];
	}
	bpf_map_delete_elem(&peers, &key);
	return PROCEED;
}

#endif
