/*
 * Which packets have been translated already: they may pass another of our programs on their way, and must not be looked
 * at twice. The mark is kept where tc keeps what is its own (skb->tc_index), and has the node's number in it: a packet that
 * goes from here to another node on the same machine is new there.
 */
#ifndef PORTOLAN_MARKS_H
#define PORTOLAN_MARKS_H

enum mark { TRANSLATED = 0, TRANSLATED_AT_PORT = 1 };

static __always_inline __u32 mark_of(enum mark mark)
{
	struct settings *settings = read_settings(true);
	if (!settings || !settings->node) {
		settings = read_settings(false);
		if (!settings)
			return 0;
	}
	return 0x8000 | ((settings->node << 1) & 0x7ffe) | mark;
}

static __always_inline void mark_packet(struct __sk_buff *skb, enum mark mark)
{
	skb->tc_index = mark_of(mark);
}

static __always_inline bool is_marked(const struct __sk_buff *skb, enum mark mark)
{
	return skb->tc_index && skb->tc_index == mark_of(mark);
}

#endif
