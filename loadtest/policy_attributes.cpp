#include "loadtest/policy_attributes.hpp"

#include <charconv>
#include <string_view>

namespace policyd::loadtest {

namespace {

void AppendNumber(std::string& text, std::uint64_t number) {
    char digits[20];
    text.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void Append(std::string& request, std::string_view name, std::string_view value) {
    request += name;
    request += value;
    request += '\n';
}

void Append(std::string& request, std::string_view name, std::uint64_t value) {
    request += name;
    AppendNumber(request, value);
    request += '\n';
}

}  // namespace

void WriteRequest(const PolicyAttributes& attributes, std::string& request) {
    request.assign("request=smtpd_access_policy\n");
    Append(request, "protocol_state=", attributes.stage);
    request += "protocol_name=ESMTP\n";
    Append(request, "client_address=", attributes.client_address);
    Append(request, "client_name=", attributes.client_name);
    Append(request, "client_port=", attributes.client_port);
    Append(request, "reverse_client_name=", attributes.client_name);
    request += "server_address=192.0.2.25\nserver_port=25\n";
    Append(request, "helo_name=", attributes.helo_name);
    Append(request, "sender=", attributes.sender);
    Append(request, "recipient=", attributes.recipient);
    Append(request, "recipient_count=", attributes.recipient_count);
    Append(request, "queue_id=", attributes.queue_id);
    Append(request, "instance=", attributes.instance);
    Append(request, "size=", attributes.size);
    request +=
        "etrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\n"
        "ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n"
        "encryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\n"
        "encryption_keysize=256\npolicy_context=\n\n";
}

}  // namespace policyd::loadtest
