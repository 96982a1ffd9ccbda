#include "loadtest/bench/site.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "common/config/config_file.hpp"

namespace policyd::bench {

namespace fs = std::filesystem;

namespace {

fs::path MakeDirectory() {
    std::string name = (fs::temp_directory_path() / "policyd-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    return name;
}

/// Writes a line for each number below `count`.
template <typename Line>
void WriteLines(const fs::path& path, std::size_t count, Line line) {
    std::ofstream file(path);
    for (std::size_t i = 0; i < count; ++i) file << line(i) << '\n';
    file.close();
    if (!file) throw std::runtime_error("cannot write " + path.string());
}

/// A different /24 or, from 2^16 of them on, a different /64 for each number.
std::string Network(std::size_t number) {
    char text[64];
    if (number < 65'536) {
        std::snprintf(text, sizeof text, "10.%zu.%zu.0/24", number >> 8, number & 0xff);
    } else {
        std::snprintf(text, sizeof text, "2001:db8:%zx:%zx::/64", number >> 16, number & 0xffff);
    }
    return text;
}

}  // namespace

Site::Site(std::size_t mailboxes)
    : mailboxes_(mailboxes),
      directory_(MakeDirectory()),
      services_(std::make_unique<services::Services>(loop_, WriteSettings(), shared_)) {}

Site::~Site() {
    services_.reset();
    loop_.Drain();
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
}

std::string Site::Address(std::size_t place) {
    return "user" + std::to_string(place) + "@d" + std::to_string(place % 10) + ".load.example";
}

fs::path Site::WriteNetworks(std::size_t networks) const {
    const fs::path path = directory_ / ("networks-" + std::to_string(networks));
    WriteLines(path, networks, [](std::size_t i) { return Network(i) + " OK"; });
    return path;
}

fs::path Site::WriteKeys(std::size_t keys) const {
    const fs::path path = directory_ / ("keys-" + std::to_string(keys));
    WriteLines(path, keys, [](std::size_t i) { return Address(i) + " value"; });
    return path;
}

config::Settings Site::WriteSettings() const {
    const auto path = [this](const char* name) { return (directory_ / name).string(); };
    WriteLines(path("domains"), 10,
               [](std::size_t i) { return "d" + std::to_string(i) + ".load.example virtual"; });
    WriteLines(path("mailboxes"), mailboxes_, [](std::size_t i) { return Address(i) + " box/"; });
    WriteLines(path("aliases"), mailboxes_,
               [](std::size_t i) { return Address(i) + ' ' + Address(i); });
    WriteLines(path("quotas"), mailboxes_,
               [](std::size_t i) { return Address(i) + " 1000000000"; });
    WriteLines(path("clients"), 1'000, [](std::size_t i) { return Network(i) + " OK"; });
    std::ofstream file(path("policyd.toml"));
    file << "client_access_maps = [\"cidr:" << path("clients") << "\"]\n"
         << "virtual_mailbox_domains = [\"texthash:" << path("domains") << "\"]\n"
         << "virtual_mailbox_maps = [\"texthash:" << path("mailboxes") << "\"]\n"
         << "virtual_alias_maps = [\"texthash:" << path("aliases") << "\"]\n"
         << "virtual_mailbox_limit_maps = [\"texthash:" << path("quotas") << "\"]\n"
         << "usage_store = \"sqlite:" << path("usage.sqlite") << "\"\n"
         << "quota_reservations = false\nusage_cache_time = \"1h\"\n"
         << "recipient_cache_time = \"1h\"\ncache_size = 1000000\n";
    file.close();
    return config::LoadConfigFile(path("policyd.toml"));
}

std::string RequestFor(const std::string& recipient) {
    return "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
           "client_address=10.3.2.1\nclient_name=mx1.example.org\nclient_port=40123\n"
           "reverse_client_name=mx1.example.org\nserver_address=192.0.2.25\nserver_port=25\n"
           "helo_name=mx1.example.org\nsender=sender0000042@s42.origin.example\nrecipient=" +
           recipient +
           "\nrecipient_count=0\nqueue_id=\ninstance=3ab1.6921c3f0.2fa1b.0\nsize=54321\n"
           "etrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\n"
           "ccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n"
           "encryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\n"
           "encryption_keysize=256\npolicy_context=\n\n";
}

}  // namespace policyd::bench
