#pragma once

#include <random>
#include <set>
#include <string>
#include <vector>

#include "common/mail/address.hpp"
#include "common/text/fold_case.hpp"
#include "tests/integration/recipient_agreement_judge.hpp"
#include "tests/integration/recipient_agreement_site.hpp"

namespace policyd::agreement {

/// Makes sites and recipients from a seed. Names are few, so that rows meet one another.
class Generator {
public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    Site MakeSite();
    /// One time in eight a table gets a key for the second time, written in another case.
    void SpoilNowAndThen(Site& site);
    void MixCasesOfKeysAndSpoilNowAndThen(Site& site);
    void AddPatterns(Site& site);
    std::vector<Recipient> MakeRecipients(const Site& site, std::size_t count);

private:
    using Strings = std::vector<std::string>;

    std::size_t Below(std::size_t bound) { return random_() % bound; }
    bool OneIn(std::size_t chances) { return Below(chances) == 0; }
    template <typename Container>
    const auto& Pick(const Container& container) {
        return *std::next(container.begin(), static_cast<std::ptrdiff_t>(Below(container.size())));
    }

    std::string User();
    std::string Domain();
    std::string MixedCase(std::string text);
    std::string Address() { return User() + '@' + Domain(); }
    std::string ExternalAddress();
    std::string Key(const Site& site);
    std::string Destination(const Site& site);
    std::string Route();
    std::string Patterns(const Strings& results);
    std::string InternalRecipient(const Site& site);
    void ChooseParameters(Site& site);

    std::mt19937_64 random_;
};

inline std::string Generator::User() {
    static const Strings common{"joe", "ann", "bob", "info", "sales", "a", "b", "c", "list"};
    static const Strings rare{"o'brien",
                              "a b",
                              "x+y",
                              "joe-list",
                              "postmaster",
                              "owner-x",
                              "50%off",
                              "up!x",
                              "jos\xc3\xa9",
                              "jose",
                              "JOS\xc3\x89",
                              "joe ",
                              "in@side",
                              ".dot",
                              "dot.",
                              "two..dots",
                              "back\\slash",
                              "q\"q",
                              "list-request",
                              "mailer-daemon",
                              "comma,x",
                              "a/b",
                              "up/../joe",
                              "../bob",
                              "-dash",
                              "x=y",
                              "STRASSE",
                              "stra\xc3\x9f"
                              "e",
                              "semi;x",
                              "col:on",
                              "par(en",
                              "br[ack",
                              "tab\tx",
                              "double-bounce",
                              "percent%example.com",
                              "joe%foreign.example",
                              "example.org!joe"};
    if (OneIn(6)) return Pick(rare);
    std::string user = Pick(common);
    static const Strings delimiters{"+", "-", ".", "_"};
    if (OneIn(5)) user += Pick(delimiters) + Pick(common);
    if (OneIn(40)) user += Pick(delimiters);
    return user;
}

inline std::string Generator::Domain() {
    static const Strings common{"example.com", "example.com",     "example.com",  "example.org",
                                "example.org", "sub.example.com", "alias.example"};
    static const Strings rare{"foreign.example",
                              "sub.foreign.example",
                              "relay.example",
                              "sub.relay.example",
                              "mx.lab.test",
                              "localhost",
                              "lab.test",
                              "host",
                              "host.lab.test",
                              "b\xc3\xbc"
                              "cher.example",
                              "xn--bcher-kva.example",
                              "B\xc3\x9c"
                              "CHER.example",
                              "bucher.example",
                              "[127.0.0.1]",
                              "[192.0.2.1]",
                              "com",
                              "example",
                              "a.b.sub.example.com",
                              "10.1.2.3",
                              "bad-.example",
                              "under_score.example",
                              "exa mple.com",
                              ""};
    return OneIn(10) ? Pick(rare) : Pick(common);
}

inline std::string Generator::MixedCase(std::string text) {
    for (char& c : text) {
        if (c >= 'a' && c <= 'z' && OneIn(2)) c = static_cast<char>(c - 32);
    }
    return text;
}

inline std::string Generator::ExternalAddress() {
    const std::string address = Address();
    if (OneIn(40)) return User();
    if (OneIn(60)) return "@" + Domain();
    if (OneIn(60)) return "Some One <" + mail::Quoted(address) + ">";
    if (OneIn(60)) return mail::Quoted(address) + " (comment)";
    if (OneIn(60)) return User() + "%" + Domain();
    if (OneIn(60)) return Domain() + "!" + User();
    if (OneIn(80)) return "<@relay.example,@a.example:" + mail::Quoted(address) + ">";
    if (OneIn(60)) return mail::Quoted(address) + ".";
    if (OneIn(60)) return mail::Quoted(User() + "%" + Domain() + "@mx.lab.test");
    if (OneIn(8)) return mail::Quoted(MixedCase(address));
    return mail::Quoted(address);
}

/// The key of an alias: an address in external form, a domain, or a bare name.
inline std::string Generator::Key(const Site& site) {
    if (OneIn(4)) return "@" + Domain();
    if (OneIn(15)) return User();
    if (!site.users.empty() && OneIn(4)) return Pick(site.users);
    if (OneIn(20)) return Address();
    if (OneIn(25)) return Domain();  // makes it an alias domain where the list is the table
    if (OneIn(25)) return MixedCase(mail::Quoted(Address()));
    return mail::Quoted(Address());
}

inline std::string Generator::Destination(const Site& site) {
    const std::size_t count = OneIn(2) ? 1 + Below(4) : 1;
    static const Strings separators{", ", ",", " ", "\n", " , ", ",,"};
    std::string destination;
    for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) destination += Pick(separators);
        if (!OneIn(3) && !site.users.empty()) {
            destination += Pick(site.users);
        } else if (OneIn(2) && !site.forwardings.empty()) {
            destination += Pick(site.forwardings).first;
        } else if (OneIn(5)) {
            destination += "@" + Domain();
        } else if (OneIn(100)) {
            const std::string user(980 + Below(20), 'x');
            destination += OneIn(3) ? '"' + user + " y\"@example.com" : user + "@example.com";
        } else {
            destination += ExternalAddress();
        }
    }
    static const Strings odd{" ",
                             ",",
                             "<>",
                             "\"\"",
                             ";",
                             ":",
                             "group: joe@example.com;",
                             "@",
                             "joe@",
                             "\\",
                             "\"",
                             "(",
                             "[",
                             "joe@example.com>",
                             "<joe@example.com",
                             "\"|/bin/true\"",
                             "/dev/null",
                             ":include:/tmp/x",
                             "a@b@example.com"};
    return OneIn(25) ? Pick(odd) : destination;
}

inline std::string Generator::Route() {
    static const Strings routes{":",
                                "smtp:[192.0.2.1]",
                                "smtp:mail.example:2025",
                                "smtp",
                                "relay:x",
                                "virtual:",
                                "virtual",
                                "error:closed",
                                "error:4.7.1 not now",
                                "error:",
                                "retry:",
                                "retry:4.7.1 later",
                                ":[192.0.2.2]",
                                "local:",
                                "SMTP:x",
                                "nosuch:x",
                                " smtp:x",
                                "discard:",
                                "virtual:elsewhere",
                                "lmtp:inet:192.0.2.1:24",
                                "error"};
    return Pick(routes);
}

inline void Generator::ChooseParameters(Site& site) {
    struct Choice {
        const char* name;
        Strings values;
        std::size_t chances;
    };
    const std::vector<Choice> choices{
        {"recipient_delimiter", {"+", "-", "+-", "-+.", "."}, 2},
        {"owner_request_special", {"no"}, 4},
        {"myorigin", {"example.com", "lab.test", "foreign.example"}, 4},
        {"mydestination",
         {"", "mx.lab.test", "$myhostname, foreign.example", "example.com",
          "$myhostname, [192.0.2.1], !localhost, inline:{localhost=x, example=x}"},
         6},
        {"swap_bangpath", {"no"}, 5},
        {"allow_percent_hack", {"no"}, 5},
        {"append_dot_mydomain", {"no"}, 3},
        {"append_at_myorigin", {"no"}, 12},
        {"parent_domain_matches_subdomains",
         {"", "transport_maps", "relay_domains, transport_maps"},
         4},
        {"virtual_alias_expansion_limit", {"1", "2", "3"}, 8},
        {"virtual_alias_recursion_limit", {"1", "2", "3"}, 8},
        {"virtual_alias_address_length_limit", {"15", "20", "23", "100"}, 8},
        {"virtual_alias_maps", {"@forwardings", "@email2email", "@forwardings, @canonical"}, 12},
        {"virtual_mailbox_maps", {"", "@mailboxes, inline:{joe@example.org=elsewhere/joe/}"}, 20},
        {"propagate_unmatched_extensions", {"", "canonical", "virtual"}, 4},
        {"canonical_classes", {"envelope_sender, header_sender", "envelope_recipient"}, 8},
        {"recipient_canonical_classes", {"header_recipient", "envelope_recipient"}, 8},
        {"virtual_alias_domains",
         {"alias.example", "alias.example, example.org", "$virtual_alias_maps",
          "!sub.example.com, example.org inline:{alias.example=x}"},
         2},
        {"relay_domains",
         {"relay.example", ".relay.example", "relay.example, foreign.example", "$mydestination",
          "!sub.relay.example relay.example", "inline:{ {relay.example = x} {.example = x} }"},
         3},
        {"relay_recipient_maps", {"@forwardings", "@mailboxes"}, 6},
        {"local_recipient_maps", {"@forwardings", "@mailboxes"}, 5},
        {"canonical_maps", {"@canonical"}, 4},
        {"recipient_canonical_maps", {"@canonical"}, 4},
        {"relocated_maps", {"@relocated"}, 5},
        {"local_transport", {"virtual", "error:local is off"}, 10},
        {"default_transport", {"virtual"}, 15},
        {"virtual_transport", {"virtual:somewhere"}, 15},
        {"mydomain", {"example.com"}, 10},
    };
    for (const Choice& choice : choices) {
        if (OneIn(choice.chances)) site.parameters[choice.name] = Pick(choice.values);
    }
}

/// Of keys that differ in their case alone only the first: a text file in which a key stands twice
/// is refused by Postfix's daemons, whatever is looked up in it, and a data base takes no second.
inline void DropSecondKeys(Rows& rows) {
    std::set<std::string> seen;
    std::erase_if(
        rows, [&seen](const auto& row) { return !seen.insert(text::FoldCase(row.first)).second; });
}

inline Site Generator::MakeSite() {
    Site site;
    site.domains = {"example.com"};
    static const Strings more{"example.org",
                              "sub.example.com",
                              "b\xc3\xbc"
                              "cher.example",
                              "host",
                              "host.lab.test",
                              "example",
                              "10.1.2.3"};
    for (std::size_t i = 0; i < 3; ++i) site.domains.insert(OneIn(3) ? Pick(more) : more[i % 2]);
    for (std::size_t i = 3 + Below(9); i > 0; --i)
        site.users.insert(OneIn(8) ? mail::Quoted(Address()) : Address());
    if (OneIn(4)) site.users.insert("@" + Pick(site.domains));
    for (std::size_t i = 1 + Below(11); i > 0; --i) site.forwardings[Key(site)] = Destination(site);
    static const Strings transport_keys{
        "*",        "example.com", ".example.com", ".com", "foreign.example",
        ".example", "example.org", "@example.com", ".",    "joe"};
    for (std::size_t i = OneIn(3) ? 1 + Below(4) : 0; i > 0; --i)
        site.transport[OneIn(2) ? Pick(transport_keys) : Key(site)] = Route();
    ChooseParameters(site);
    if (site.parameters.count("canonical_maps") +
        site.parameters.count("recipient_canonical_maps") +
        site.parameters.count("virtual_alias_maps"))
        for (std::size_t i = 1 + Below(4); i > 0; --i)
            site.canonical[Key(site)] = Destination(site);
    if (site.parameters.count("relocated_maps"))
        for (std::size_t i = 1 + Below(3); i > 0; --i)
            site.relocated[Key(site)] = "new@place.example";
    for (Rows* rows : {&site.forwardings, &site.transport, &site.canonical, &site.relocated})
        DropSecondKeys(*rows);
    return site;
}

inline void Generator::SpoilNowAndThen(Site& site) {
    Rows& rows = OneIn(3) ? site.transport : site.forwardings;
    if (rows.empty() || !OneIn(8)) return;
    const auto [key, value] = Pick(rows);
    std::string again = key;
    for (char& c : again) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    site.is_spoilt = rows.emplace(again, value).second;
}

/// postmap folds the keys.
inline void Generator::MixCasesOfKeysAndSpoilNowAndThen(Site& site) {
    for (std::set<std::string>* keys : {&site.domains, &site.users}) {
        std::set<std::string> mixed;
        for (const std::string& key : *keys) mixed.insert(MixedCase(key));
        *keys = std::move(mixed);
    }
    for (Rows* rows : {&site.forwardings, &site.transport, &site.canonical, &site.relocated}) {
        Rows mixed;
        for (const auto& [key, value] : *rows) mixed.emplace(MixedCase(key), value);
        *rows = std::move(mixed);
    }
    SpoilNowAndThen(site);
}

/// A regexp: or pcre: table as main.cf has it, where each '$' is written twice, whose rules have
/// some of these results.
inline std::string Generator::Patterns(const Strings& results) {
    static const Strings expressions{"/^joe@/",
                                     "/@example\\.org$$/",
                                     "/^(.*)@example\\.org$$/",
                                     "/^([a-c])@(.*)$$/",
                                     "/^(.*)[-+](.*)@/",
                                     "!/@example/",
                                     "/^([A-Z]+)@/i",
                                     "/^(JOE)$$/",
                                     "/JOE/i",
                                     "/(e)(x)/",
                                     "/./",
                                     "/^(\\*)$$/",
                                     "/^\"(.*)\"@(.*)/",
                                     "/^@(.*)/",
                                     "/example/",
                                     "/^(foreign|relay)(.*)$$/",
                                     "/\xc3\xa9|[!%]/"};
    std::string table = OneIn(2) ? "pcre:{" : "regexp:{";
    const bool is_in_block = OneIn(5);
    if (is_in_block) table += " {if " + Pick(expressions) + "}";
    for (std::size_t i = 1 + Below(3); i > 0; --i)
        table += " { " + Pick(expressions) + ' ' + Pick(results) + " }";
    return table + (is_in_block ? " {endif} }" : " }");
}

/// Tables of patterns behind the others, or before them.
inline void Generator::AddPatterns(Site& site) {
    static const Strings addresses{"joe@example.com",
                                   "$$1@example.com",
                                   "$$2@$$1",
                                   "$$1",
                                   "@example.com",
                                   "ann@example.com, $$1@example.org",
                                   "far@foreign.example",
                                   "Joe@Sub.Example.com",
                                   "$$1 $$2@example.com $$$$",
                                   "@$$1"};
    static const Strings paths{"example.com/joe/", "example.com/$$1/", "x/y/", "$$2/$$1/"};
    Strings routes{"smtp:$$1", "$$1:", "virtual:$$1"};
    for (int i = 0; i < 4; ++i) routes.push_back(Route());
    struct Choice {
        const char* name;
        const char* others;
        const Strings& results;
        std::size_t chances;
    };
    for (const Choice& choice :
         {Choice{"virtual_alias_maps", "@forwardings, @email2email", addresses, 2},
          Choice{"virtual_mailbox_maps", "@mailboxes", paths, 3},
          Choice{"virtual_mailbox_domains", "@domains", addresses, 4},
          Choice{"virtual_alias_domains", "alias.example", addresses, 6},
          Choice{"relay_domains", "relay.example", addresses, 6},
          Choice{"mydestination", "$myhostname, localhost", addresses, 12},
          Choice{"relay_recipient_maps", "@forwardings", addresses, 6},
          Choice{"local_recipient_maps", "@mailboxes", addresses, 6},
          Choice{"canonical_maps", "@canonical", addresses, 5},
          Choice{"recipient_canonical_maps", "@canonical", addresses, 8},
          Choice{"relocated_maps", "@relocated", addresses, 6},
          Choice{"transport_maps", "@transport", routes, 2}}) {
        if (!OneIn(choice.chances)) continue;
        const std::string patterns = Patterns(choice.results);
        site.parameters[choice.name] = OneIn(3) ? patterns + ", " + choice.others
                                                : std::string(choice.others) + ", " + patterns;
    }
    // Or the null sender of a bounce would become somebody to whom a bounce can be sent, again and
    // again.
    if (site.parameters.contains("canonical_maps"))
        site.parameters["canonical_classes"] = "envelope_recipient";
}

/// An address that has to do with the site, in internal form.
inline std::string Generator::InternalRecipient(const Site& site) {
    std::string address = Address();
    if (OneIn(4)) {
        address = Pick(site.users);
    } else if (!OneIn(3) && !site.forwardings.empty()) {
        address = Pick(site.forwardings).first;
    } else if (OneIn(6) && !site.transport.empty()) {
        address = Pick(site.transport).first;
    } else if (OneIn(6) && !site.canonical.empty()) {
        address = Pick(site.canonical).first;
    }
    address = mail::Unquoted(address);
    if (address.starts_with('@')) address = User() + address;
    if (OneIn(7)) {
        const std::size_t at = std::min(address.rfind('@'), address.size());
        static const Strings extensions{"+x", "-x", ".x", "+", "+a-b", "-a+b", "+x%y"};
        address.insert(at, Pick(extensions));
    }
    return address;
}

inline std::vector<Recipient> Generator::MakeRecipients(const Site& site, std::size_t count) {
    std::vector<Recipient> recipients;
    while (recipients.size() < count) {
        std::string address = InternalRecipient(site);
        const std::string local_part(mail::LocalPart(address));
        const std::string domain(mail::Domain(address).value_or(""));
        switch (Below(60)) {
            case 0:
                address = local_part + '%' + domain;
                break;
            case 1:
                address = local_part + '%' + domain + "@mx.lab.test";
                break;
            case 2:
                address = domain + '!' + local_part;
                break;
            case 3:
                address = domain + '!' + local_part + "@mx.lab.test";
                break;
            case 4:
                address += '.';
                break;
            case 5:
                address = local_part;
                break;
            case 6:
            case 7:
            case 8:
                address = MixedCase(address);
                break;
            case 9:
                address = local_part + "@[127.0.0.1]";
                break;
            case 10:
                address += "@mx.lab.test";
                break;
            case 11:
                address = local_part + '@' + domain + '%' + Domain();
                break;
            case 12:
                if (OneIn(3)) address = std::string(60 + Below(900), 'x') + '@' + domain;
                break;
            case 13:
                if (OneIn(8))
                    address = local_part + '@' + std::string(60 + Below(6), 'y') + "." + domain;
                break;
            case 14:
                if (OneIn(3)) address += "..";
                break;
            case 15:
                if (OneIn(3)) address = local_part + '@';
                break;
            case 16:
                if (OneIn(3)) address = local_part + "\xff@" + domain;
                break;
            case 17:
                address = local_part + "@[IPv6:::1]";
                break;
            case 18:
                address = local_part + '%' + Domain() + '%' + domain;
                break;
            case 19:
                address = Domain() + '!' + domain + '!' + local_part;
                break;
            case 20:
                if (OneIn(3)) address = local_part + "@" + Domain() + "@" + domain;
                break;
            case 21:
                address = OneIn(2) ? "owner-" + local_part + '@' + domain
                                   : local_part + "-request@" + domain;
                break;
            case 22: {
                static const Strings special{"postmaster", "MAILER-DAEMON", "double-bounce",
                                             "root",       "abuse",         "Mailer-Daemon+x"};
                address = Pick(special) + '@' + domain;
                break;
            }
            default:
                break;
        }
        if (address.empty() || address.find_first_of(std::string_view("\r\n\0", 3)) != address.npos)
            continue;
        // The policy service is not asked about these.
        if (address.starts_with('@') || text::EqualsIgnoringCase(address, "postmaster") ||
            text::EqualsIgnoringCase(mail::LocalPart(address), "double-bounce"))
            continue;
        std::string typed = mail::Quoted(address);
        if (OneIn(30)) typed = "@relay.example,@a.example:" + typed;
        recipients.push_back({typed, address});
    }
    return recipients;
}

}  // namespace policyd::agreement
