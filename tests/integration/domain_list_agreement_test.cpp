// In which of mydestination, virtual_alias_domains, virtual_mailbox_domains and relay_domains a
// domain is, asked of a real Postfix: its smtpd and trivial-rewrite(8) read the same lists of
// words, files, tables and exclamation marks.
//
//     POLICYD_SEED=7 POLICYD_CASES=10000 build/dev/bin/integration_domain_list_agreement
//
// makes other and more cases. A case is one recipient: of each domain one whom only
// local_recipient_maps knows, one whom only relay_recipient_maps knows, one who has a mailbox and
// one whom nobody knows, so that the replies tell the class of the domain.
//
// Not compared, since the programs differ on purpose: a file in a list that cannot be read. Postfix
// answers 451 to whoever needs the list; policyd does not start, and on a reload keeps the old
// list.

#include "tests/integration/recipient_agreement_comparison.hpp"
#include "tests/support/environment.hpp"

namespace policyd::agreement {
namespace {

using test::FromEnvironment;

const std::vector<std::string> kDomains{"example.com",
                                        "sub.example.com",
                                        "a.sub.example.com",
                                        "xexample.com",
                                        "example.org",
                                        "com",
                                        "b\xc3\xbc"
                                        "cher.example",
                                        "other.example",
                                        "x.other.example"};

class ListGenerator {
public:
    ListGenerator(std::uint64_t seed, const test::ScratchDirectory& scratch)
        : random_(seed), scratch_(scratch) {}

    Site MakeSite() {
        Site site;
        for (const std::string& domain : kDomains) {
            site.users.insert("v@" + domain);
            if (OneIn(4)) site.domains.insert(domain);
        }
        std::string relayed;
        for (const std::string& domain : kDomains) relayed += " {r@" + domain + " = x}";
        site.parameters = {{"local_recipient_maps", "inline:{l=x}"},
                           {"relay_recipient_maps", "inline:{" + relayed + " }"},
                           {"virtual_alias_maps", ""},
                           {"virtual_transport", "virtual"},
                           {"append_dot_mydomain", "no"},
                           {"mydestination", List()},
                           {"virtual_alias_domains", List()},
                           {"virtual_mailbox_domains", OneIn(3) ? "@domains, " + List() : List()},
                           {"relay_domains", List()}};
        if (OneIn(2)) site.parameters["parent_domain_matches_subdomains"] = "relay_domains";
        if (OneIn(4)) site.parameters["parent_domain_matches_subdomains"] = "";
        return site;
    }

    std::vector<Recipient> MakeRecipients() {
        std::vector<Recipient> recipients;
        for (std::string domain : kDomains) {
            if (OneIn(8)) domain[0] = static_cast<char>(std::toupper(domain[0]));
            if (OneIn(16)) domain += '.';
            for (const char* user : {"l", "r", "v", "n"})
                recipients.push_back(MakeRecipient(std::string(user) + '@' + domain));
        }
        for (const char* literal : {"l@[127.0.0.1]", "l@[192.0.2.1]", "l@[IPv6:2001:db8::1]"})
            recipients.push_back(MakeRecipient(literal));
        return recipients;
    }

private:
    std::size_t Below(std::size_t bound) { return random_() % bound; }
    bool OneIn(std::size_t chances) { return Below(chances) == 0; }
    template <typename Container>
    const auto& Pick(const Container& container) {
        return container[Below(container.size())];
    }

    std::string Word() {
        static const std::vector<std::string> odd{"Example.COM",
                                                  ".com",
                                                  ".example.com",
                                                  "[127.0.0.1]",
                                                  "[192.0.2.1]",
                                                  "[2001:db8::1]",
                                                  "localhost",
                                                  ".",
                                                  "*",
                                                  "B\xc3\x9c"
                                                  "CHER.example",
                                                  ".OTHER.example"};
        if (OneIn(4)) return Pick(odd);
        return (OneIn(6) ? "." : "") + Pick(kDomains);
    }

    /// Now and then one twice, or in upper case: Postfix's daemons do not use a file that has a
    /// key twice, and proxymap(8) takes one in upper case for another.
    std::vector<std::string> Words(std::size_t most) {
        std::vector<std::string> words;
        for (std::size_t i = 1 + Below(most); i > 0; --i) {
            words.push_back(Word());
            if (OneIn(4)) {
                char& first = words.back()[0];
                if (first >= 'a' && first <= 'z') first = static_cast<char>(first - 'a' + 'A');
            }
        }
        return words;
    }

    std::string InlineTable() {
        std::string rows;
        for (const std::string& word : Words(3)) rows += " {" + word + " = x}";
        return "inline:{" + rows + " }";
    }

    std::string TextTable() {
        std::string rows;
        for (const std::string& word : Words(3)) rows += word + " " + Word() + "\n";
        return "texthash:" + Kept(rows);
    }

    std::string PatternTable() {
        static const std::vector<std::string> expressions{
            "/^example/", "/\\.com$/", "/^(.*)\\.org/", "!/example/",
            "/\\./",      "/^[A-Z]/i", "/^sub|^x\\./",  "/other/"};
        std::string rules;
        for (std::size_t i = 1 + Below(2); i > 0; --i)
            rules += Pick(expressions) + (OneIn(4) ? " x$1\n" : " x\n");
        return (OneIn(2) ? "pcre:" : "regexp:") + Kept(rules);
    }

    std::string File(int depth) {
        static const std::vector<std::string> ends{
            "\n", "\n", " ", ", ", "\n  ", "\n\n", " # a comment\n", "\n# c\n", "\r\n", "\n \n"};
        std::string content = OneIn(4) ? "# list\n" : "";
        for (std::size_t i = Below(5); i > 0; --i) content += Element(depth + 1) + Pick(ends);
        return Kept(content);
    }

    std::string Kept(const std::string& content) {
        const auto path = scratch_.Write("list" + std::to_string(++files_), content);
        test::MakeLookSettled(path);
        std::filesystem::permissions(path, std::filesystem::perms(0644));
        return path;
    }

    std::string Element(int depth) {
        std::string element = OneIn(5) ? "!" : "";
        if (OneIn(30)) element += "!";
        if (OneIn(8) && depth < 3) return element + File(depth);
        // proxymap(8) opens what it finds in the parameter itself, and not behind a '!'.
        const bool may_be_proxied = depth == 0 && element.empty();
        if (OneIn(8)) return element + (may_be_proxied && OneIn(2) ? "proxy:" : "") + TextTable();
        if (OneIn(8)) return element + InlineTable();
        if (OneIn(12))
            return element + (may_be_proxied && OneIn(3) ? "proxy:" : "") + PatternTable();
        return element + Word();
    }

    std::string List() {
        static const std::vector<std::string> separators{", ", " ", ",", " ,\t"};
        std::string list;
        for (std::size_t i = Below(4); i > 0; --i) list += Element(0) + Pick(separators);
        return list;
    }

    std::mt19937_64 random_;
    const test::ScratchDirectory& scratch_;
    int files_ = 0;
};

/// A site with a user in each domain.
Site SiteWithOneOfEach() {
    Site site;
    for (const std::string& domain : kDomains) site.users.insert("v@" + domain);
    return site;
}

/// These users, and one who is none.
std::vector<Recipient> OneOfEachAndNobody() {
    std::vector<Recipient> recipients;
    for (const std::string& domain : kDomains) recipients.push_back(MakeRecipient("v@" + domain));
    recipients.push_back(MakeRecipient("nobody@example.org"));
    return recipients;
}

TEST(DomainListAgreementTest, GeneratedListsAreReadAsPostfixReadsThem) {
    const std::uint64_t seed = FromEnvironment("POLICYD_SEED", 1);
    const std::uint64_t cases = FromEnvironment("POLICYD_CASES", 300);
    test::ScratchDirectory scratch;
    std::filesystem::permissions(scratch.Path(), std::filesystem::perms(0755));
    SqliteStore store(scratch.Path());
    ListGenerator generator(seed, scratch);
    Comparison comparison(store);
    while (comparison.Cases() < cases && !comparison.HasManyDisagreements())
        comparison.Compare(generator.MakeSite(), generator.MakeRecipients());
    comparison.Report("domain lists, seed " + std::to_string(seed));
}

// Each of these was read differently once, or is easily read differently.

TEST(DomainListAgreementTest, KeysOfTablesAreComparedAsTheyAreWritten) {
    test::ScratchDirectory scratch;
    std::filesystem::permissions(scratch.Path(), std::filesystem::perms(0755));
    const auto cases = scratch.Write("cases", "Example.com x\nexample.org y\nExample.org z\n");
    const auto twice = scratch.Write("twice", "other.example x\nother.example y\n");
    test::MakeLookSettled(scratch.Path());
    SqliteStore store(scratch.Path());
    Comparison comparison(store);
    const std::vector<Recipient> recipients = OneOfEachAndNobody();
    Site site = SiteWithOneOfEach();
    const std::string in_memory = "inline:{Other.example=x, sub.example.com=y}";
    for (const std::string& list :
         {"texthash:" + cases.string() + ", " + in_memory, "proxy:texthash:" + cases.string(),
          "example.com, texthash:" + twice.string()}) {
        site.parameters = {{"virtual_mailbox_domains", list}, {"virtual_alias_maps", ""}};
        comparison.Compare(site, recipients);
    }
    comparison.Report("keys of tables in lists of domains");
}

TEST(DomainListAgreementTest, CommentsInFilesHideTheRestOfTheirOwnLineOnly) {
    test::ScratchDirectory scratch;
    std::filesystem::permissions(scratch.Path(), std::filesystem::perms(0755));
    const auto file = scratch.Write("domains",
                                    "# ours\nexample.com # the first\n example.org\n"
                                    "#other.example\n  # xexample.com\n sub.example.com");
    test::MakeLookSettled(file);
    SqliteStore store(scratch.Path());
    Comparison comparison(store);
    const std::vector<Recipient> recipients = OneOfEachAndNobody();
    Site site = SiteWithOneOfEach();
    site.parameters = {{"virtual_mailbox_domains", file.string()}, {"virtual_alias_maps", ""}};
    comparison.Compare(site, recipients);
    site.parameters["virtual_mailbox_domains"] =
        "!" + file.string() + ", " + "xexample.com com other.example example.com";
    site.domains = {};
    comparison.Compare(site, recipients);
    comparison.Compare(site, {MakeRecipient("x@mx.lab.test"), MakeRecipient("n@xexample.com")});
    comparison.Report("domains in a file");
}

}  // namespace
}  // namespace policyd::agreement
