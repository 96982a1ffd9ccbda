"""Table files of any size. Mailboxes are those that policyd-load generates."""

DOMAINS = 100


def address(number):
    return f"user{number:07}@d{number % DOMAINS}.load.example"


def maildir(number):
    """Of its own, or all of them would be one mailbox."""
    local, domain = address(number).split("@")
    return f"{domain}/{local}"


def network(number):
    """Half of them IPv4, half IPv6, with the prefix lengths that lists of networks have."""
    place = number >> 1
    if number % 2 == 0:
        high, low = (place >> 8) & 0xff, place & 0xff
        if place < 1 << 16:
            return f"10.{high}.{low}.0/24"
        return f"{20 + (place >> 16)}.{high}.{low}.{place % 251}/32"
    if place % 4 == 0:
        return f"2001:db8:{place >> 8:x}::/48" if place < 1 << 16 else \
            f"2a00:{place >> 16:x}:{place & 0xffff:x}::/48"
    return f"2001:db9:{place >> 16:x}:{place & 0xffff:x}::/64"


def client(number):
    """An address in that network."""
    first, length = network(number).split("/")
    if length == "24":
        return first[:-1] + "25"
    return first if length == "32" else first + "19"


def write_mailboxes(scratch, mailboxes):
    """Returns the paths of the table of mailboxes, of that of their limits and of the domains."""
    boxes = scratch.write(f"mailboxes-{mailboxes}", "".join(
        f"{address(i)} {maildir(i)}/\n" for i in range(mailboxes)))
    limits = scratch.write(f"limits-{mailboxes}", "".join(
        f"{address(i)} 1099511627776\n" for i in range(mailboxes)))
    domains = scratch.write("domains", "".join(
        f"d{i}.load.example virtual\n" for i in range(DOMAINS)))
    return boxes, limits, domains


def write_networks(scratch, networks):
    """So many, and behind them all other clients: whoever asks is let in after a whole search."""
    return scratch.write(f"networks-{networks}", "".join(
        f"{network(i)} OK\n" for i in range(networks - 2)) + "0.0.0.0/0 OK\n::/0 OK\n")


def write_clients(scratch, networks):
    """One client of each network, far apart, so that no two of them follow each other."""
    stride = 617_647 % networks or 1
    return scratch.write("clients", "".join(
        f"{client(i * stride % networks)} mx{i}.example.org\n" for i in range(networks)))
