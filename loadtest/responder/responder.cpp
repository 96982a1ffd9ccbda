#include "loadtest/responder/responder.hpp"

#include <array>
#include <utility>

namespace policyd::loadtest {

namespace {

std::array<char, 64 * 1024> read_buffer;

uv_stream_t* StreamOf(const async::UvHandle<uv_any_handle>& socket) {
    return reinterpret_cast<uv_stream_t*>(socket.get());
}

}  // namespace

void Responder::Serve(async::UvHandle<uv_any_handle> socket, RedisPipe* redis) {
    const std::shared_ptr<Responder> responder(new Responder(std::move(socket), redis));
    responder->self_ = responder;
    uv_stream_t* stream = StreamOf(responder->socket_);
    stream->data = responder.get();
    const auto lend = [](uv_handle_t*, std::size_t, uv_buf_t* buffer) {
        *buffer = uv_buf_init(read_buffer.data(), read_buffer.size());
    };
    async::ThrowIfFailed(uv_read_start(stream, lend, &OnRead), "uv_read_start");
}

void Responder::OnRead(uv_stream_t* socket, ssize_t size, const uv_buf_t* buffer) {
    auto& responder = *static_cast<Responder*>(socket->data);
    if (size < 0) return responder.End();
    responder.Take(buffer->base, static_cast<std::size_t>(size));
}

void Responder::Take(const char* bytes, std::size_t size) {
    std::string_view rest(bytes, size);
    while (socket_ && !rest.empty()) {
        std::size_t end = 0;
        if (!(after_line_end_ && rest.front() == '\n')) {
            end = rest.find("\n\n");
            if (end == std::string_view::npos) {
                after_line_end_ = rest.back() == '\n';
                return;
            }
            ++end;
        }
        rest.remove_prefix(end + 1);
        after_line_end_ = false;
        if (redis_ == nullptr) {
            Answer();
        } else {
            redis_->Get([self = shared_from_this()] { self->Answer(); });
        }
    }
}

void Responder::Answer() {
    if (!socket_) return;
    static char reply[] = "action=DUNNO\n\n";
    const uv_buf_t buffer = uv_buf_init(reply, sizeof reply - 1);
    // A peer that lets its replies pile up until the kernel takes no more is none of ours.
    if (uv_try_write(StreamOf(socket_), &buffer, 1) != static_cast<int>(buffer.len)) End();
}

void Responder::End() {
    socket_.reset();
    const std::shared_ptr<Responder> last = std::move(self_);
}

}  // namespace policyd::loadtest
