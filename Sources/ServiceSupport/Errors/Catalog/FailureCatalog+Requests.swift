// SPDX-License-Identifier: Apache-2.0

import GRPCCore

extension FailureCatalog {
  static let requests = Area(
    title: "Requests",
    entries: [
      Entry(
        .nothingAsked, .invalidArgument, fields: ["outputs", "config.outputs"],
        "Neither an output is asked for nor are the items to be stored.",
        remedy: "Name outputs, or set store."),
      Entry(
        .outputUnknown, .invalidArgument, fields: ["outputs[i]", "config.outputs[i]", "output"],
        "This server does not know the output.",
        remedy: "Ask for an output of this server's release, or upgrade the server."),
      Entry(
        .priorityUnknown, .invalidArgument, fields: ["priority"],
        "This server does not know the priority.",
        remedy: "Leave it out, or ask for one of this server's release."),
      Entry(
        .configMissing, .invalidArgument, fields: ["config"],
        "The first message of a stream holds no config.",
        remedy: "Send the config first, then everything else."),
      Entry(
        .modelVersionNotServed, .failedPrecondition, fields: ["model_version", "config.model_version"],
        "The server runs another version of the checkpoint than the request names.",
        remedy: "Leave model_version empty, or ask a server that runs that version."),
      Entry(
        .modelMismatch, .failedPrecondition,
        fields: ["expected_space_fingerprint", "config.expected_space_fingerprint", "candidate_version"]
          + fields(["vectors"], in: queryPlaces),
        "Vectors of different trainings were about to meet: soft tokens and an LLM, user vectors and an index, two "
          + "versions of an index, or replicas behind one target.",
        remedy:
          "Serve one checkpoint everywhere, and publish item vectors of the checkpoint that users are encoded with.",
        retry: .afterRepair),
      Entry(
        .pageSizeInvalid, .invalidArgument, fields: ["page_size"],
        "The page size is negative or too large.",
        remedy: "Ask for 1 to 1,000, or for 0 to get 100."),
      Entry(
        .pageTokenInvalid, .invalidArgument, fields: ["page_token"],
        "The page token is not one that the server gave.",
        remedy: "Send next_page_token of the page before, or nothing for the first page."),
      Entry(
        .serviceUnknown, .notFound, fields: ["service"],
        "A health check names a service that this server does not have.",
        remedy: "Name one of the services in the message, or none for the server as a whole."),
      Entry(
        .reflectionLimit, .resourceExhausted,
        "One stream of server reflection asked too often, for a name that is too long, or nothing for a minute.",
        remedy: "Ask again in a new stream.", retry: .later()),
    ])

  private static let tensorFields: [String] =
    ["embeddings"] + fields(["cf_feature", "text_feature"], in: itemPlaces)
    + fields(
      ["history.items[j].soft_token", "history.items[j].embedding", "parts.parts[j].soft_tokens"], in: userPlaces)
    + fields(["vector", "vectors[j].vector"], in: queryPlaces) + ["chunk.vectors"]

  static let tensors = Area(
    title: "Tensors",
    entries: [
      Entry(
        .tensorMissing, .invalidArgument, fields: tensorFields,
        "A tensor that is needed is not set.",
        remedy: "Send it; the message says with which shape."),
      Entry(
        .dataTypeUnknown, .invalidArgument, fields: tensorFields + ["output_type", "config.output_type"],
        "The data type of a tensor, or the one asked for, is not known.",
        remedy: "Use FLOAT32, BFLOAT16 or FLOAT16."),
      Entry(
        .tensorShape, .invalidArgument, fields: tensorFields,
        "A tensor has another shape than the server's model or index has.",
        remedy: "Send the shape in the message; GetServerInfo names the lengths."),
      Entry(
        .tensorSize, .invalidArgument, fields: tensorFields,
        "A tensor's data has not as many bytes as its shape and data type need.",
        remedy: "Send product(shape) elements, little-endian, in row-major order."),
      Entry(
        .tensorNotFinite, .invalidArgument, fields: tensorFields,
        "An element is NaN or infinite.",
        remedy: "Find out what computed it; every element must be finite."),
    ])

  private static let encodedFields =
    fields(["encoded"], in: itemPlaces) + ["users[i].interactions[j].image.encoded"]
  private static let rawFields = fields(["raw"], in: itemPlaces)

  static let images = Area(
    title: "Images",
    entries: [
      Entry(
        .imageEmpty, .invalidArgument, fields: encodedFields + rawFields,
        "There are no bytes, or no pixels.",
        remedy: "Send a JPEG, PNG, WebP, GIF, BMP or TIFF file, or at least one pixel."),
      Entry(
        .imageTooLarge, .invalidArgument, fields: encodedFields,
        "The file has more bytes than max_image_bytes of GetServerInfo.",
        remedy: "Send a smaller file, or start the server with a larger limit."),
      Entry(
        .imageTooManyPixels, .invalidArgument, fields: encodedFields + rawFields,
        "The image has more pixels than max_image_pixels of GetServerInfo, a side beyond a million, or scans beyond reason.",
        remedy: "Send a smaller image, or start the server with a larger limit."),
      Entry(
        .imageFormatUnsupported, .invalidArgument, fields: encodedFields,
        "The file is none of JPEG, PNG, WebP, GIF, BMP and TIFF, or of a variant that is not decoded. The message says what it is.",
        remedy:
          "Convert it to an 8-bit JPEG, a PNG or a WebP file; for AVIF and HEIC, install libheif1 where the service runs."
      ),
      Entry(
        .imageTruncated, .invalidArgument, fields: encodedFields,
        "The data ends before the image does.",
        remedy: "Send the whole file."),
      Entry(
        .imageCorrupt, .invalidArgument, fields: encodedFields,
        "The data breaks the rules of its format.",
        remedy: "Export the image again from its source."),
      Entry(
        .imageSizeMismatch, .invalidArgument, fields: rawFields,
        "Decoded pixels do not match the width and height given with them.",
        remedy: "Send 3 · width · height bytes."),
    ])
}
