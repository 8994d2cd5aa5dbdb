// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import Models

/// GIF, BMP and TIFF files by scripts/image_files.py, and the pixels that Pillow 13 reads from them.
enum PillowFixture: String, CaseIterable {
  /// 8 colours, transparent index 2, interlaced, a frame of 4 x 5 within 7 x 6.
  case transparentGIF = """
    R0lGODlhBwAGAIIAAAoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISH5BAEFAAIALAIAAQAEAAUAQAMKKBoW9CGUQ80BKgA7
    """
  /// A frame that goes beyond its screen of 3 x 2, with a palette of its own.
  case localGIF = """
    R0lGODlhAwACAIEAAAABAgMEBQYHCAkKCywBAAAABAADAIFkZWZnaGlqa2xtbm8CBtwQKBsxBQA7
    """
  /// 5 x 4 in run lengths of 4 bits.
  case runLengthBMP = """
    Qk2QAAAAAAAAAHYAAAAoAAAABQAAAAQAAAABAAQAAgAAABoAAAAAAAAAAAAAAAAAAAAAAAAAr6Esqpg2SizR0/tdTxN+jNe5+uGnevqz2Eudxmsaq6xQ\
    sPu8j4nsX3m9IhYWyl9wBgjsqRU9KIIVYqEb4wNIxwVhAAAABWSg2AAAAAURAAAABXsQagAAAAAB
    """
  /// 3 x 3 of 8 bits, the top row first, 20 colours.
  case topDownBMP = """
    Qk2SAAAAAAAAAIYAAAAoAAAAAwAAAP3///8BAAgAAAAAAAwAAAAAAAAAAAAAABQAAAAAAAAApCHoKUQ4XIV+EAfXuV2sZNiS2l78jVx9Q4qWu4Y5kgdo\
    XSV4rPshC9bI+0482RC0okoq2bswsvslPGSdjePalw1WA5Tj8sJk2AaspU4BnCsABRMAAcgDABMSEQA=
    """
  /// 3 x 2 of 16 bits, 5, 6 and 5 of them.
  case maskedBMP = """
    Qk1SAAAAAAAAAEIAAAAoAAAAAwAAAAIAAAABABAAAwAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAPgAAOAHAAAfAAAA8P4oK9S0koDHkBg6+19p+w==
    """
  /// 5 x 3 of RGB, deflated, to be seen turned to the right.
  case turnedTIFF = """
    SUkqAEwAAAB4AQEeAOH/TTImAz0BQcUxgRMza14kis7Iiutk8zvc+OhfjG87pmQNSgB4AQEPAPD/o1qKZymKhoMi+QRY59TzN9sH0AoAAAEEAAEAAAAF\
    AAAAAQEEAAEAAAADAAAAAgEDAAMAAADKAAAAAwEDAAEAAAAIAAAABgEDAAEAAAACAAAAEQEEAAIAAADQAAAAEgEDAAEAAAAGAAAAFQEDAAEAAAADAAAA\
    FgEEAAEAAAACAAAAFwEEAAIAAADYAAAAAAAAAAgACAAIAAgAAAAyAAAAKQAAABoAAAA=
    """
  /// 4 x 1 of 16 bits, big-endian.
  case gray16TIFF = """
    TU0AKgAAABAABwD/AQD//wAJAQAABAAAAAEAAAAEAQEABAAAAAEAAAABAQIAAwAAAAEAEAAAAQMAAwAAAAEAAQAAAQYAAwAAAAEAAQAAAREABAAAAAEA\
    AAAIARUAAwAAAAEAAQAAARYABAAAAAEAAAABARcABAAAAAEAAAAIAAAAAA==
    """
  /// 3 x 2 of RGB in planes.
  case planarTIFF = """
    SUkqAD4AAAB4AQEGAPn/GDTz2OqTClUDlQB4AQEGAPn/+ixwWol1CxMC7wB4AQEGAPn/YbTl6O9EDj4EFgAKAAABBAABAAAAAwAAAAEBBAABAAAAAgAA\
    AAIBAwADAAAAvAAAAAMBAwABAAAACAAAAAYBAwABAAAAAgAAABEBBAADAAAAwgAAABUBAwABAAAAAwAAABYBBAABAAAAAgAAABcBBAADAAAAzgAAABwB\
    AwABAAAAAgAAAAAAAAAIAAgACAAIAAAAGgAAACwAAAARAAAAEQAAABEAAAA=
    """
  /// 2 x 2 of C M Y K.
  case inkTIFF = """
    SUkqABgAAABCTcKoaHxJjMvO45uFkgX1CQAAAQQAAQAAAAIAAAABAQQAAQAAAAIAAAACAQMABAAAAIoAAAADAQMAAQAAAAEAAAAGAQMAAQAAAAUAAAAR\
    AQQAAQAAAAgAAAAVAQMAAQAAAAQAAAAWAQQAAQAAAAIAAAAXAQQAAQAAABAAAAAAAAAACAAIAAgACAA=
    """
  /// 3 x 2 of 4-bit indices in a tile.
  case tiledTIFF = """
    SUkqAIgAAABj6gwGGo7fTwxo9WLMSuVXhVPBa+D108sMWCMwId4nQnPO1xsKouJASYFa5qVB67rq9ZaCGIUL+qf8hjW4Ky/3FsoLm0j6gG7kginRpd69\
    +ehVVAWVHLI59cSSBM11tmVUhH4luyALCemZBbiIkbv17KwEKe9UF3LMCGG0p3ydgQsAAAEEAAEAAAADAAAAAQEEAAEAAAACAAAAAgEDAAEAAAAEAAAA\
    AwEDAAEAAAABAAAABgEDAAEAAAADAAAAFQEDAAEAAAABAAAAQAEDADAAAAASAQAAQgEEAAEAAAAQAAAAQwEEAAEAAAAQAAAARAEEAAEAAAAIAAAARQEE\
    AAEAAACAAAAAAAAAAOwCcsQsQjVpKNq8HFL2vrpRZqnTSPitti/UMbHPAIqpkupSDo51u1qPXOYutYKeEBIknSqLCO/ndAf5j8Z/i4kOOIVeWLCglJcj\
    vlW6UauCF1a7i8eWzujdpDT+kvJ3Og==
    """
  /// 2 x 2 of RGB multiplied by alpha.
  case alphaTIFF = """
    SUkqABgAAAAKFB6AChQe/wkJCQDIZDJkCgAAAQQAAQAAAAIAAAABAQQAAQAAAAIAAAACAQMABAAAAJYAAAADAQMAAQAAAAEAAAAGAQMAAQAAAAIAAAAR\
    AQQAAQAAAAgAAAAVAQMAAQAAAAQAAAAWAQQAAQAAAAIAAAAXAQQAAQAAABAAAABSAQMAAQAAAAEAAAAAAAAACAAIAAgACAA=
    """

  var bytes: [UInt8] { [UInt8](Data(base64Encoded: rawValue) ?? Data()) }

  var image: RGBImage {
    switch self {
    case .transparentGIF:
      Self.image(
        7, 6,
        "EBESEBESEBESEBESEBESEBESEBESEBESEBESEBESEBESEBESDQ4PEBESEBESEBESHyAhHyAhHyAhHB0eEBESEBESEBESFhcYDQ4P"
          + "DQ4PGRobEBESEBESEBESHyAhCgsMEBESEBESEBESEBESEBESHB0eDQ4PFhcYFhcYEBES")
    case .localGIF:
      Self.image(5, 3, "ZGVmbW5vbW5vZGVmZ2hpZGVmZGVmZ2hpamtsamtsZGVmamtsZ2hpZ2hpbW5v")
    case .runLengthBMP:
      Self.image(5, 4, "qxprX8oWSjaYLKGvnUvYSjaYSjaYSjaYSjaYSjaYnUvY+rnXIr15LKGvKD0VnUvYSjaYnUvYSjaYnUvY")
    case .topDownBMP:
      Self.image(3, 3, "6CGkXI38nAFOXDhEAAAArF25nAFOrAbYwvLj")
    case .maskedBMP:
      Self.image(3, 2, "lBg5OUDFWv/e/96DKWVBtJmk")
    case .turnedTIFF:
      Self.image(3, 5, "o1qKis7ITTImZymKiutkAz0BhoMi8zvcQcUx+QRY+OhfgRMz59TzjG87a14k")
    case .gray16TIFF:
      Self.image(4, 1, "BwcH////////////")
    case .planarTIFF:
      Self.image(3, 2, "GPphNCy083Dl2Fro6onvk3VE")
    case .inkTIFF:
      Self.image(2, 2, "QD0VRDtSFBMLBQQK")
    case .tiledTIFF:
      Self.image(3, 2, "9oJRaVqUAH/yAuo41Aek9oJR")
    case .alphaTIFF:
      Self.image(2, 2, "Eyc7ChQeAAAA//9/")
    }
  }

  private static func image(_ width: Int, _ height: Int, _ pixels: String) -> RGBImage {
    RGBImage(width: width, height: height, pixels: [UInt8](Data(base64Encoded: pixels) ?? Data()))
  }
}
