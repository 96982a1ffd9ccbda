#include "common/config/reference.hpp"

#include <iterator>
#include <string_view>

#include "common/config/options.hpp"
#include "common/config/values.hpp"

namespace policyd::config {
namespace {

/// What conf/policyd.toml sets: virtual mailboxes in MySQL, and a list of clients.
struct ShippedValue {
    std::string_view name;
    std::string_view value;
};

constexpr ShippedValue kShipped[] = {
    {"listen", R"(["inet:127.0.0.1:10031", "unix:/var/spool/postfix/policyd/policyd.sock"])"},
    {"unix_socket_group", R"("postfix")"},
    {"control_socket", R"("unix:/run/policyd/control.sock")"},
    {"client_access_maps", R"(["cidr:/etc/policyd/clients.cidr"])"},
    {"client_access_default", R"("554 5.7.1 Client host is not on the list")"},
    {"virtual_alias_maps", R"(["mysql:/etc/postfix/mysql-virtual_forwardings.cf",
                      "mysql:/etc/postfix/mysql-virtual_email2email.cf"])"},
    {"virtual_mailbox_domains", R"(["mysql:/etc/postfix/mysql-virtual_domains.cf"])"},
    {"virtual_mailbox_maps", R"(["mysql:/etc/postfix/mysql-virtual_mailboxes.cf"])"},
    {"virtual_mailbox_limit_maps", R"(["mysql:/etc/postfix/mysql-virtual_mailboxes_quota.cf"])"},
    {"transport_maps", R"(["mysql:/etc/postfix/mysql-virtual_transport.cf"])"},
};

std::string_view ShippedFor(std::string_view name) {
    for (const ShippedValue& shipped : kShipped)
        if (shipped.name == name) return shipped.value;
    return {};
}

std::string_view When(const Option& option) {
    return option.takes == Takes::kEffectOnReload ? "reload" : "restart";
}

std::string ShippedLine(const Option& option, const Settings& defaults) {
    const std::string_view shipped = ShippedFor(option.name);
    const std::string name(option.name);
    if (!shipped.empty()) return name + " = " + std::string(shipped) + '\n';
    return '#' + name + " = " + Show(defaults, option) + '\n';
}

/// Calls `print` for every option of a section, in the order of the table.
template <typename Print>
void ForEachIn(const SectionText& section, Print print) {
    for (const Option& option : Options())
        if (option.section == section.section) print(option);
}

/// man(7) takes a line that begins with a dot or an apostrophe for a request, and a backslash for
/// an escape.
std::string Roff(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        const bool line_starts = escaped.empty() || escaped.back() == '\n';
        if (line_starts && (c == '.' || c == '\'')) escaped += "\\&";
        if (c == '\\') {
            escaped += "\\e";
        } else if (c == '-') {
            escaped += "\\-";
        } else {
            escaped += c;
        }
    }
    return escaped;
}

}  // namespace

std::string SampleFile() {
    const Settings defaults;
    std::string text = Wrapped(
        "The configuration of policyd, policyd-scan and policyctl, for an internal mail server "
        "with virtual mailboxes in MySQL. What is commented out shows its default. Check a change "
        "with \"policyctl "
        "check-config\", then reload policyd. See policyd.toml(5).",
        "# ");
    for (const SectionText& section : Sections()) {
        text += "\n\n### " + std::string(section.title) + "\n#\n";
        text += Wrapped(section.introduction, "# ");
        ForEachIn(section, [&](const Option& option) {
            text += '\n' + Wrapped(option.help, "# ") + ShippedLine(option, defaults);
        });
    }
    return text;
}

std::string MarkdownReference() {
    const Settings defaults;
    std::string text =
        "# Configuration reference\n\n"
        "Printed by `policyctl config reference`. The file is TOML, one `name = value` for each\n"
        "option, without sections; an option that is left out has its default. What takes effect\n"
        "on reload is taken over by `SIGHUP`; what needs a restart is named in the log then.\n";
    for (const SectionText& section : Sections()) {
        text += "\n## " + std::string(section.title) + "\n\n" + Wrapped(section.introduction, "");
        ForEachIn(section, [&](const Option& option) {
            text += "\n### `" + std::string(option.name) + "`\n\n" + Wrapped(option.help, "");
            text += "\n- Accepts: " + DescribeAccepted(option);
            text += "\n- Default: `" + Show(defaults, option) + '`';
            text += "\n- Takes effect on: " + std::string(When(option)) + '\n';
        });
    }
    return text;
}

std::string ManualPage() {
    const Settings defaults;
    std::string text =
        ".TH POLICYD.TOML 5 \"\" \"policyd " POLICYD_VERSION
        "\" \"File formats\"\n"
        ".SH NAME\n"
        "policyd.toml \\- configuration of policyd(8), policyd\\-scan(8) and policyctl(8)\n"
        ".SH SYNOPSIS\n"
        ".I /etc/policyd/policyd.toml\n"
        ".SH DESCRIPTION\n"
        "The file is TOML: one\n.IB name \" = \" value\nfor each option, without sections. An\n"
        "option that is left out has its default. An unknown option or a value that is not\n"
        "accepted is an error with file and line, and nothing starts or reloads with it.\n"
        "A number of bytes may be written with K, M, G or T (\"10M\"); a time takes the units\n"
        "ms, s, m, h, d and w (\"5m\"), and is in seconds without one.\n";
    for (const SectionText& section : Sections()) {
        std::string title;
        for (const char c : section.title) title += c >= 'a' && c <= 'z' ? char(c - 32) : c;
        text += ".SH " + title + '\n' + Roff(Wrapped(section.introduction, ""));
        ForEachIn(section, [&](const Option& option) {
            text += ".TP\n.B " + std::string(option.name) + '\n' + Roff(Wrapped(option.help, ""));
            text += ".br\nAccepts " + Roff(DescribeAccepted(option)) + ".\n";
            text += ".br\nDefault: " + Roff(Show(defaults, option)) + ". Takes effect on " +
                    std::string(When(option)) + ".\n";
        });
    }
    return text +
           ".SH SEE ALSO\n"
           "policyd(8), policyd\\-scan(8), policyctl(8), postconf(5), access(5), virtual(5),\n"
           "transport(5), mysql_table(5), sqlite_table(5), cidr_table(5)\n";
}

std::string ShowAll(const Settings& settings) {
    std::string text;
    for (const Option& option : Options())
        text += std::string(option.name) + " = " + Show(settings, option) + '\n';
    return text;
}

}  // namespace policyd::config
